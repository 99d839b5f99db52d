"""Airflow under Catwalk's home: its environment, its secrets, its database."""

from __future__ import annotations

import importlib.metadata
import json
import os
import secrets
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from launcher import owned_process as leash
from model_zoo.config import Settings
from model_zoo.errors import UserError
from model_zoo.registry.versions import locked

USER = "admin"
ROOT = Path(__file__).resolve().parent.parent
DAGS = ROOT / "dags"
AIRFLOW_PLUGINS = ROOT / "plugins" / "airflow_ui"
LOOPBACK = "127.0.0.1"


def airflow_home(settings: Settings) -> Path:
    return settings.home_dir / "airflow"


def log_dir(settings: Settings) -> Path:
    return settings.home_dir / "logs"


def local_url(settings: Settings, port: int) -> str:
    """Where a server of ours is reached from this machine."""
    host = LOOPBACK if settings.host in ("0.0.0.0", "") else settings.host
    return f"http://{host}:{port}"


def password(settings: Settings) -> str:
    """The password of Airflow's only user; made at the first call, then kept."""
    path = airflow_home(settings) / "passwords.json"
    return str(json.loads(_kept(path, lambda: json.dumps({USER: secrets.token_urlsafe(12)})))[USER])


def environment(settings: Settings, recipe: bool) -> dict[str, str]:
    """The environment of everything that we start.

    Args:
        recipe: pass on what decides the trained model too. Not so for a long-running Airflow,
            where the profile chosen for a run has to decide.
    """
    home = airflow_home(settings)
    password(settings)
    names = set(type(settings).model_fields)
    if not recipe:
        names -= set(settings.deciding) - {"profile"}
    url = local_url(settings, settings.airflow_port)
    values = {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(DAGS),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(AIRFLOW_PLUGINS),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        # The default, 32, is also the number of worker processes that are forked at the start.
        "AIRFLOW__CORE__PARALLELISM": str(max(4, settings.tuner_workers)),
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{url}/execution/",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": f"{USER}:admin",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(home / "passwords.json"),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home / 'airflow.db'}",
        "AIRFLOW__API__HOST": settings.host,
        "AIRFLOW__API__PORT": str(settings.airflow_port),
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__API__BASE_URL": url,
        "AIRFLOW__API__SECRET_KEY": _kept(home / "secret_key", _key),
        "AIRFLOW__API_AUTH__JWT_SECRET": _kept(home / "jwt_secret", _key),
        "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(log_dir(settings) / "tasks"),
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        # Airflow and MLflow start further programs by name.
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]),
        "NO_PROXY": ",".join(filter(None, [os.environ.get("NO_PROXY"), LOOPBACK, "localhost"])),
        "PYTHONUNBUFFERED": "1",
    }
    values["no_proxy"] = values["NO_PROXY"]
    return {**os.environ, **values, **_as_variables(settings, names)}


def _as_variables(settings: Settings, names: set[str]) -> dict[str, str]:
    def as_text(value: Any) -> str:
        return str(value.expanduser().resolve()) if isinstance(value, Path) else str(value)

    given = {name: getattr(settings, name) for name in names}
    return {f"CATWALK_{k.upper()}": as_text(v) for k, v in given.items() if v is not None}


def initialise(settings: Settings, env: dict[str, str]) -> None:
    """Make or upgrade Airflow's database and the MLflow store, once and one after the other.

    Raises:
        UserError: one of them could not be made; names the log.
    """
    version = importlib.metadata.version("apache-airflow")
    done = airflow_home(settings) / f"initialised-{version}"
    with locked(settings, "airflow"):
        if done.exists() and (airflow_home(settings) / "airflow.db").exists():
            return
        _run(settings, env, "airflow-setup", leash.command("airflow", "db", "migrate"))
        if not settings.tracking_uri:
            # By a process that knows of no server, so that artifacts lie in a folder which both
            # the server of `catwalk up` and a run without it reach.
            _run(settings, env, "mlflow-setup", leash.command("launcher.local.prepare_mlflow"))
        done.touch()


def close_stopped_demos(settings: Settings, env: dict[str, str]) -> None:
    """Mark the run of a demo that was stopped as failed, so that it blocks no other run."""
    mark = demo_mark(settings)
    if mark.exists():
        _run(settings, env, "stopped-demos", leash.command("launcher.local.stopped_demos"))
        mark.unlink()


def demo_mark(settings: Settings) -> Path:
    """A file that is there while a demo's run may be unfinished in Airflow's database."""
    return airflow_home(settings) / "demo-under-way"


def _run(settings: Settings, env: dict[str, str], name: str, command: list[str]) -> None:
    log = log_dir(settings) / f"{name}.log"
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
        raise UserError(f"{name} ended with status {status}: {log} says why")


def _key() -> str:
    return secrets.token_urlsafe(48)


def _kept(path: Path, make: Any) -> str:
    """The text of a private file (mode 600), made at the first call."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=".partial-", dir=path.parent)  # mode 600
        with os.fdopen(handle, "w") as file:
            file.write(make())
        try:
            os.link(name, path)  # unlike a rename, this never replaces what another one kept
        except FileExistsError:
            pass
        finally:
            os.unlink(name)
    return path.read_text()
