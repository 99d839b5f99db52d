"""What of a cluster the test asks: Airflow about the run, storage about its folder."""

from __future__ import annotations

import json
import sys
import urllib.request
from typing import Any

from servers import LOOPBACK, NO_PROXY, Servers

from launcher.local.machine import Machine
from model_zoo.registry.store import Store, store_of
from model_zoo.runs.folder import run_folder
from model_zoo.runs.stored_folder import StoredFolder
from model_zoo.settings import Project

RUN = "on-a-cluster"
ENTER = [sys.executable, "-m", "launcher.container.entry"]


class Cluster:
    """What runs, and how one asks Airflow."""

    def __init__(
        self, servers: Servers, machine: Machine, project: Project, env: dict[str, str]
    ) -> None:
        self.servers, self.machine, self.project, self.env = servers, machine, project, env
        self.url = f"http://{LOOPBACK}:{machine.ports.airflow_port}"
        self.token = ""

    @property
    def store(self) -> Store:
        return store_of(self.project, self.machine.places)

    @property
    def dag_run(self) -> str:
        return f"/api/v2/dags/{self.project.dag_id}/dagRuns/{RUN}"

    def ask(self, path: str, method: str = "GET", body: Any = None) -> Any:
        request = urllib.request.Request(
            f"{self.url}{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json", "Authorization": f"Bearer {self.token}"},
        )
        with NO_PROXY.open(request, timeout=60) as answer:
            return json.load(answer)

    def task(self, name: str) -> dict[str, Any]:
        return self.ask(f"{self.dag_run}/taskInstances/{name}")

    def state(self) -> str:
        return str(self.ask(self.dag_run)["state"])

    def start_worker(self, name: str, queue: str) -> None:
        """A Celery worker with a home of its own, which is empty."""
        env = self.env | {"CATWALK_HOME": str(self.servers.folder / name)}
        command = ["airflow", "celery", "worker", "--queues", queue, "--concurrency", "1",
                   "--celery-hostname", name, "--skip-serve-logs"]  # fmt: skip
        self.servers.start(name, [*ENTER, "worker", *command], env)

    def stored(self) -> dict[str, Any]:
        """What the run's folder in storage consists of: paths and the digests of the files."""
        return (self._folder().manifest() or {"files": {}})["files"]

    def stored_json(self, path: str) -> Any:
        """One JSON file of the run's folder in storage, or None."""
        return self._folder().read_json(path)

    def _folder(self) -> StoredFolder:
        places = self.machine.places
        folder = run_folder(places, self.project.name, RUN)
        return StoredFolder(places.storage, f"runs/{folder.name}", folder)
