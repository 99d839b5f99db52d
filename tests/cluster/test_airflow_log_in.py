"""Airflow's log-in as the containers have it: a real Airflow with FAB's users, and a DAG that asks.

`make test-cluster`: FAB is no part of a laptop's install. The database is SQLite, as nothing here
depends on which one it is; the scheduler's worker speaks with the API as in containers.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import servers as machines
from servers import LOOPBACK, NO_PROXY, Servers

from launcher.container import airflow_users

pytestmark = pytest.mark.cluster
MANAGER = "airflow.providers.fab.auth_manager.fab_auth_manager.FabAuthManager"
WAITING = "awaiting_input"
DAG = """
from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk import DAG

with DAG("asks", schedule=None):
    ApprovalOperator(task_id="approve", subject="May it?")
"""


class Airflow:
    """How each user asks."""

    def __init__(self, url: str, folder: Path, env: dict[str, str]) -> None:
        self.url, self.folder, self.env = url, folder, env
        self.tokens: dict[str, str] = {}

    def make_users(self, ending: str = "") -> subprocess.CompletedProcess[str]:
        """As `init` does at every start; each password is the user's name with an ending."""
        given = {variable: name + ending for name, (_, variable) in airflow_users.USERS.items()}
        command = "import os; from launcher.container.airflow_users import make_users; "
        return subprocess.run(
            [sys.executable, "-c", command + "make_users(os.environ)"],
            env=self.env | given, check=True, capture_output=True, text=True,
        )  # fmt: skip

    def log_in(self, name: str, password: str) -> int:
        given = {"username": name, "password": password}
        status, answer = self.ask("", "/auth/token", "POST", given)
        if status == 201:
            self.tokens[name] = answer["access_token"]
        return status

    def ask(self, name: str, path: str, method: str = "GET", body: Any = None) -> tuple[int, Any]:
        """Status and content of an answer to a user; to nobody without a name."""
        headers = {"Content-Type": "application/json"}
        if name:
            headers["Authorization"] = f"Bearer {self.tokens[name]}"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        try:
            with NO_PROXY.open(request, timeout=60) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, None


@pytest.fixture(scope="module")
def airflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Airflow]:
    folder = tmp_path_factory.mktemp("airflow")
    (folder / "dags").mkdir()
    (folder / "dags" / "asks.py").write_text(DAG)
    port = machines.free_port()
    url = f"http://{LOOPBACK}:{port}"
    env = os.environ | {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "AIRFLOW_HOME": str(folder),
        "AIRFLOW__API__BASE_URL": url,
        "AIRFLOW__API__SECRET_KEY": "of a test",
        "AIRFLOW__API_AUTH__JWT_SECRET": "of a test, and long enough for it to be a key",
        "AIRFLOW__CORE__AUTH_MANAGER": MANAGER,
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "AIRFLOW__CORE__DAGS_FOLDER": str(folder / "dags"),
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{url}/execution/",
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__PARALLELISM": "1",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{folder}/airflow.db",
        "NO_PROXY": LOOPBACK,
    }
    found, servers = Airflow(url, folder, env), Servers(folder)
    subprocess.run(["airflow", "db", "migrate"], env=env, check=True, capture_output=True)
    try:
        found.make_users(" of yesterday")
        found.make_users()
        api = ["api-server", "--host", LOOPBACK, "--port", str(port), "--workers", "1"]
        for name, arguments in {
            "api-server": api,
            "scheduler": ["scheduler", "--skip-serve-logs"],
            "dag-processor": ["dag-processor"],
        }.items():
            servers.start(name, ["airflow", *arguments], env)
        health = f"{url}/api/v2/monitor/health"
        servers.wait("Airflow answers", lambda: machines.answers(health))
        for name in airflow_users.USERS:
            assert found.log_in(name, name) == 201, servers.tail("api-server")
        dag = "/api/v2/dags/asks"
        servers.wait("the DAG is known", lambda: found.ask("viewer", dag)[0] == 200)
        yield found
    finally:
        servers.stop()


def test_nobody_without_a_log_in_gets_anything(airflow: Airflow) -> None:
    for path in ("/api/v2/dags", "/api/v2/dags/asks/dagRuns", "/ui/config", "/api/v2/connections"):
        assert airflow.ask("", path)[0] == 401, path


def test_the_password_of_today_holds_and_that_of_yesterday_does_not(airflow: Airflow) -> None:
    assert airflow.log_in("viewer", "viewer of yesterday") == 401
    assert airflow.log_in("viewer", "") in (400, 401)


def test_each_does_what_its_role_says(airflow: Airflow) -> None:
    runs = "/api/v2/dags/asks/dagRuns"
    for name in ("viewer", "approver"):
        body = {"dag_run_id": f"by-{name}", "logical_date": None}
        assert airflow.ask(name, runs, "POST", body)[0] == 403, f"{name} starts no run"
    body = {"dag_run_id": "one", "logical_date": None}
    assert airflow.ask("operator", runs, "POST", body)[0] == 200

    def waits() -> bool:
        return airflow.ask("viewer", f"{runs}/one/taskInstances/approve")[1]["state"] == WAITING

    asked = f"{runs}/one/taskInstances/approve/-1/hitlDetails"
    servers = Servers(airflow.folder)
    servers.wait("the run waits for an answer", waits, 120)
    time.sleep(5)  # no person is as quick: the scheduler hears from the executor every second
    answer = {"chosen_options": ["Approve"], "params_input": {}}
    for name in ("viewer", "operator"):
        assert airflow.ask(name, asked, "PATCH", answer)[0] == 403, f"{name} does not answer"
    status, said = airflow.ask("approver", asked, "PATCH", answer)
    assert status == 200 and said["responded_by"]["name"] == "approver"

    def over() -> bool:
        return airflow.ask("viewer", f"{runs}/one")[1]["state"] == "success"

    servers.wait("the run goes on", over, 120)


def test_only_the_admin_sees_connections_and_people(airflow: Airflow) -> None:
    given = {"connection_id": "theirs", "conn_type": "http"}
    for name in ("viewer", "operator", "approver"):
        assert airflow.ask(name, "/api/v2/connections")[0] == 403, name
        assert airflow.ask(name, "/api/v2/connections", "POST", given)[0] == 403, name
        assert airflow.ask(name, "/auth/fab/v1/users")[0] == 403, name
        assert airflow.ask(name, "/api/v2/plugins")[0] == 200, f"{name} sees the links"
    assert airflow.ask("admin", "/api/v2/connections", "POST", given)[0] == 201
    assert airflow.ask("admin", "/auth/fab/v1/users")[1]["total_entries"] == 4
