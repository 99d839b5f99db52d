"""An empty registry, made once: MLflow's first migration takes seconds."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from model_zoo.registry.client import connect
from model_zoo.registry.experiment import ensure_experiment
from model_zoo.registry.served_files import FACTS_TAG
from model_zoo.registry.store import Store

GOOD_TAGS = {"project": "shirts", "generated": "false", FACTS_TAG: "0" * 64}


@pytest.fixture(scope="session")
def made_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("made") / "home"
    ensure_experiment(Store(home, "", "shirts", "shirts-classifier"))
    return home


@pytest.fixture
def empty(made_home: Path, tmp_path: Path) -> Store:
    """A registry with an experiment and nothing in it, in a home of its own."""
    shutil.copytree(made_home, tmp_path / "home")
    return Store(tmp_path / "home", "", "shirts", "shirts-classifier")


@pytest.fixture
def three(empty: Store) -> Store:
    """Three versions: 1 and 2 of real images, 3 of generated ones."""
    return with_three_versions(empty)


def with_three_versions(store: Store) -> Store:
    client = connect(store)
    client.create_registered_model(store.model)
    for generated in ("false", "false", "true"):
        tags = GOOD_TAGS | {"generated": generated}
        client.create_model_version(store.model, "s3://nowhere/model", tags=tags)
    return store


@pytest.fixture
def with_versions() -> Callable[[Store], Store]:
    """Registers the versions of ``three`` in a registry that has none."""
    return with_three_versions


@pytest.fixture(scope="session")
def mlflow_server(made_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real MLflow server, one for all tests that ask for it; models have names of their own."""
    home = tmp_path_factory.mktemp("server") / "home"
    shutil.copytree(made_home, home)
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    server = subprocess.Popen(
        [
            *(sys.executable, "-m", "mlflow", "server", "--workers", "1"),
            *("--backend-store-uri", f"sqlite:///{home / 'mlflow.db'}"),
            *("--artifacts-destination", str(home / "mlflow-artifacts"), "--port", str(port)),
        ],
        env=os.environ | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    url = f"http://127.0.0.1:{port}"
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        for _ in range(480):
            try:
                opener.open(f"{url}/health", timeout=5)
                break
            except OSError:
                assert server.poll() is None, "MLflow's server did not start"
                time.sleep(0.25)
        yield url
    finally:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()


@pytest.fixture(params=["home", "server"])
def kind(request: pytest.FixtureRequest) -> str:
    """Where a registry lies: in a home, or behind a server."""
    return str(request.param)


@pytest.fixture
def registry(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """The versions of ``three``, in a home and behind a server."""
    if kind == "home":
        return request.getfixturevalue("three")
    url = request.getfixturevalue("mlflow_server")
    name = f"shirts-{uuid.uuid4().hex[:8]}"
    return with_three_versions(Store(tmp_path / "of-a-server", url, "shirts", name))


@pytest.fixture
def texts_of() -> Callable[[Path], list[str]]:
    """Every text in the database of a home, whatever the table."""

    def read(home: Path) -> list[str]:
        with closing(sqlite3.connect(home / "mlflow.db")) as connection:
            tables = "SELECT name FROM sqlite_master WHERE type = 'table'"
            rows = [
                row
                for (table,) in connection.execute(tables).fetchall()
                for row in connection.execute(f"SELECT * FROM {table}")
            ]
        return [value for row in rows for value in row if isinstance(value, str)]

    return read
