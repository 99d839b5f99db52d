"""Airflow under Catwalk's home: its environment, its secrets, its database."""

from __future__ import annotations

import json
import os
import re
import secrets
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from launcher import owned_process
from launcher.local.airflow_schema import is_current, note_migrated
from launcher.local.machine import LOOPBACK, Machine
from model_zoo.errors import UserError
from model_zoo.files import keep_secret
from model_zoo.locks import locked
from model_zoo.registry.store import sqlite_uri
from model_zoo.settings import CHECKOUT

USER = "admin"
DAGS = CHECKOUT / "dags"
RAISED = re.compile(r"^([a-z_][\w]*\.)*[A-Z]\w*(Error|Exception|Exit|Interrupt)\b: ?\S")
SPEAKS_OF_ERROR = re.compile(r"\b(error|fatal|cannot|could not|denied|refused)\b", re.IGNORECASE)
LONGEST_CAUSE = 300  # characters
AIRFLOW_PLUGINS = CHECKOUT / "plugins" / "airflow_ui"


def password(machine: Machine) -> str:
    """The password of Airflow's only user; made at the first call, then kept."""
    made = keep_secret(passwords(machine), lambda: json.dumps({USER: secrets.token_urlsafe(12)}))
    return str(json.loads(made)[USER])


def passwords(machine: Machine) -> Path:
    """The file in which it stands, for this user alone."""
    return machine.airflow_home / "passwords.json"


def environment(machine: Machine) -> dict[str, str]:
    """The environment of everything that we start: ours, with every place absolute."""
    home, places = machine.airflow_home, machine.places
    password(machine)
    values = {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(DAGS),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(AIRFLOW_PLUGINS),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        # The default, 32, is also the number of worker processes that are forked at the start.
        "AIRFLOW__CORE__PARALLELISM": str(max(4, machine.placement.search_shares)),
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{machine.airflow_url}/execution/",
        # What is wrong with a project file is a sentence, not the way to it.
        "AIRFLOW__CORE__DAGBAG_IMPORT_ERROR_TRACEBACKS": "False",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": f"{USER}:admin",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(passwords(machine)),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": sqlite_uri(home / "airflow.db"),
        "AIRFLOW__API__HOST": places.host,
        "AIRFLOW__API__PORT": str(machine.ports.airflow_port),
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__API__BASE_URL": machine.airflow_url,
        "AIRFLOW__API__SECRET_KEY": keep_secret(home / "secret_key", _key),
        "AIRFLOW__API_AUTH__JWT_SECRET": keep_secret(home / "jwt_secret", _key),
        "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(machine.logs / "tasks"),
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        # Eight more processes for judges of language models: 200 MB and 3 s of a processor each.
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": os.environ.get(
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION", "false"
        ),
        # Airflow and MLflow start further programs by name.
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]),
        "NO_PROXY": ",".join(
            filter(None, [os.environ.get("NO_PROXY"), LOOPBACK, "::1", "localhost"])
        ),
        "PYTHONUNBUFFERED": "1",
        "CATWALK_AIRFLOW_LINK": machine.page.airflow_link or machine.airflow_url,
        "CATWALK_MLFLOW_LINK": machine.page.mlflow_link or machine.mlflow_url,
    }
    values["no_proxy"] = values["NO_PROXY"]
    return {**os.environ, **places.as_variables(), **values}


def initialise(machine: Machine, env: dict[str, str]) -> None:
    """Make Airflow's database, once, and what each project needs in MLflow's store.

    Raises:
        UserError: one of them could not be made; names the log. Or Airflow's is of another version.
    """
    with ThreadPoolExecutor(1) as beside:
        mlflow = beside.submit(_prepare_mlflow, machine, env)
        with locked(machine.places.home / "airflow.lock"):
            if not is_current(machine.airflow_home):
                migrate = owned_process.command("airflow", "db", "migrate")
                run_logged(machine, env, "airflow-setup", migrate)
                note_migrated(machine.airflow_home)
        mlflow.result()


def _prepare_mlflow(machine: Machine, env: dict[str, str]) -> None:
    if machine.places.tracking_uri:
        return
    # By a process that knows of no server, so that artifacts lie in a folder which both
    # the server of `catwalk up` and a run without it reach; and a home that was moved is
    # put right before anybody opens its store.
    run_logged(machine, env, "mlflow-setup", owned_process.command("launcher.local.prepare_mlflow"))


def close_stopped_demos(machine: Machine, env: dict[str, str]) -> None:
    """Mark the run of a demo that was stopped as failed, so that it blocks no other run."""
    mark = demo_mark(machine)
    if mark.exists():
        run_logged(
            machine, env, "stopped-demos", owned_process.command("launcher.local.stopped_demos")
        )
        mark.unlink()


def demo_mark(machine: Machine) -> Path:
    """A file that is there while a demo's run may be unfinished in Airflow's database."""
    return machine.airflow_home / "demo-under-way"


def run_logged(machine: Machine, env: dict[str, str], name: str, command: list[str]) -> None:
    """Run a program to its end, what it prints in a log of that name.

    Raises:
        UserError: it ended badly; the cause, and the log.
    """
    log = machine.logs / f"{name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w") as file:
        status = subprocess.run(
            command,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        ).returncode
    if status:
        raise UserError(f"{name} ended with status {status}: {cause(log)}; {log} says more")


def cause(log: Path) -> str:
    """The line of a log that says why a program ended: programs go on talking after it.

    The last error of a stack trace, as what was raised there names the cause; else the last line
    that speaks of an error; else the last one.
    """
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines()]
    lines = [line for line in lines if line.strip("-^~= ")]
    for tell in (RAISED, SPEAKS_OF_ERROR):
        found = [line for line in lines if tell.search(line)]
        if found:
            return found[-1][:LONGEST_CAUSE]
    return lines[-1][:LONGEST_CAUSE] if lines else "it printed nothing"


def _key() -> str:
    return secrets.token_urlsafe(48)
