"""MLflow's log-in as the containers have it: a real server, a reader and an editor."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from mlflow import MlflowClient

from launcher.container import mlflow_users
from model_zoo.errors import UserError
from model_zoo.registry.client import answered_by
from model_zoo.registry.exclusive import Write, alone_with
from model_zoo.registry.store import Store
from model_zoo.registry.versions import get_version

PASSWORDS = {variable: f"{name}-has-a-password" for name, variable in mlflow_users.USERS.items()}


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    home = tmp_path_factory.mktemp("log-in")
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    env = os.environ | PASSWORDS | {
        "MLFLOW_AUTH_DATABASE": f"sqlite:///{home}/users.db",
        "MLFLOW_AUTH_CONFIG_PATH": str(home / "auth.ini"),
        "MLFLOW_AUTH_ADMIN_USERNAME": "admin",
        "MLFLOW_FLASK_SERVER_SECRET_KEY": "of a test",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    }  # fmt: skip
    for _ in range(2):  # at every start
        mlflow_users.make_users(env)
    mlflow_users.keep_config(env)
    assert (home / "auth.ini").stat().st_mode & 0o077 == 0
    server = subprocess.Popen(
        [
            *(sys.executable, "-m", "mlflow", "server", "--app-name", "basic-auth"),
            *("--workers", "1", "--backend-store-uri", f"sqlite:///{home}/mlflow.db"),
            *("--artifacts-destination", str(home / "artifacts"), "--port", str(port)),
        ],
        env=env,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        for _ in range(480):
            try:
                opener.open(f"http://127.0.0.1:{port}/health", timeout=5)
                break
            except OSError:
                assert server.poll() is None, "MLflow's server did not start"
                time.sleep(0.25)
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()


def as_user(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", name)
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", f"{name}-has-a-password")


def test_an_editor_promotes_a_reader_sees_it_and_a_stranger_sees_nothing(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(tmp_path, url, "shirts", "shirts-classifier")
    as_user(monkeypatch, "editor")
    client = MlflowClient(url, url)
    client.create_registered_model(store.model)
    client.create_model_version(store.model, "s3://nowhere/model")
    with alone_with(store) as registry:  # with the lock that is a model of its own
        registry.write(Write("alias", "production", "1"))
    as_user(monkeypatch, "reader")
    with answered_by(store) as reader:
        assert reader.get_model_version_by_alias(store.model, "production").version == "1"
    with pytest.raises(UserError, match=r"no version '9' .*; registered: 1"):
        get_version(store, "9")
    with pytest.raises(UserError, match="lets 'reader' read"), alone_with(store):
        pass
    with pytest.raises(UserError, match="lets 'reader' read"), answered_by(store) as reader:
        reader.delete_registered_model_alias(store.model, "production")
    for variable in ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD"):
        monkeypatch.delenv(variable)
    with pytest.raises(UserError, match="wants a log-in"), answered_by(store) as stranger:
        stranger.get_model_version_by_alias(store.model, "production")


def test_a_missing_password_is_named(tmp_path: Path) -> None:
    env = {"MLFLOW_AUTH_DATABASE": f"sqlite:///{tmp_path}/users.db"}
    with pytest.raises(UserError, match=r"MLFLOW_AUTH_ADMIN_PASSWORD: "):
        mlflow_users.make_users(env)
