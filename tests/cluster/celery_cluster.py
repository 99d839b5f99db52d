"""What of a cluster the test asks: Airflow about the run, storage about its folder."""

from __future__ import annotations

import json
import sys
import urllib.request
from typing import Any

from servers import LOOPBACK, NO_PROXY, Servers

from model_zoo.config import Settings
from model_zoo.runs.storage import StoredFolder

DAG = "fashion_mnist_retrain"
RUN = "on-a-cluster"
ENTER = [sys.executable, "-m", "launcher.container.entry"]


class Cluster:
    """What runs, and how one asks Airflow."""

    def __init__(self, servers: Servers, settings: Settings, env: dict[str, str]) -> None:
        self.servers, self.settings, self.env = servers, settings, env
        self.url = f"http://{LOOPBACK}:{settings.airflow_port}"
        self.token = ""

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
        return self.ask(f"/api/v2/dags/{DAG}/dagRuns/{RUN}/taskInstances/{name}")

    def state(self) -> str:
        return str(self.ask(f"/api/v2/dags/{DAG}/dagRuns/{RUN}")["state"])

    def start_worker(self, name: str, queue: str) -> None:
        """A Celery worker with a home of its own, which is empty."""
        env = self.env | {"CATWALK_HOME": str(self.servers.folder / name)}
        command = ["airflow", "celery", "worker", "--queues", queue, "--concurrency", "1",
                   "--celery-hostname", name, "--skip-serve-logs"]  # fmt: skip
        self.servers.start(name, [*ENTER, "worker", *command], env)

    def stored(self) -> dict[str, Any]:
        """The run's folder as storage has it: paths and, of JSON files, what is in them."""
        folder = self.settings.run_dir(RUN)
        return (StoredFolder(self.settings, f"runs/{RUN}", folder).manifest() or {"files": {}})[
            "files"
        ]

    def stored_json(self, path: str) -> Any:
        return StoredFolder(self.settings, f"runs/{RUN}", self.settings.run_dir(RUN)).read_json(
            path
        )
