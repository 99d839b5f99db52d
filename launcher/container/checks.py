"""Checks before a program of a cluster starts: each passes, or says in one sentence what is wrong.

They read what the programs themselves will read, so they can be run beside them too.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import io
import os
import secrets
import socket
import subprocess
from collections.abc import Iterator

from launcher.settings import Placement
from model_zoo.errors import UserError
from model_zoo.settings import Places

# What a container sets for its program; MLflow and gunicorn get the same values.
PORT = "CATWALK_LISTEN"  # HOST:PORT of the one server in this container
MLFLOW_DATABASE = "MLFLOW_BACKEND_STORE_URI"
MLFLOW_ARTIFACTS = "MLFLOW_ARTIFACTS_DESTINATION"


def writable_home() -> None:
    """The home can be written: a volume made by root, say, cannot."""
    home = Places.load().home
    probe = home / f".probe-{secrets.token_hex(8)}"
    try:
        home.mkdir(parents=True, exist_ok=True)
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise UserError(
            f"{home} cannot be written by user {os.getuid()} ({error.strerror}): give the volume "
            "to that user, or set CATWALK_HOME to another folder"
        ) from None


def shared_storage() -> None:
    """The storage of the settings, if any, can be written."""
    from model_zoo.runs.storage import check_writable

    storage = Places.load().storage
    if storage:
        check_writable(storage)


def gpus() -> None:
    """As many GPUs as the heavy queue promises, and a TensorFlow that can use them."""
    promised = max(1, Placement.load().heavy_gpus)
    try:
        listed = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True).stdout
    except OSError:
        listed = ""
    found = sum(line.startswith("GPU ") for line in listed.splitlines())
    if found < promised:
        raise UserError(
            f"this worker's queue promises {promised} GPU(s) and {found} can be seen: give the "
            "container its GPU (NVIDIA container toolkit, device reservation), or take the "
            "worker off that queue"
        )
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        importlib.metadata.version("tensorflow-cpu")
        raise UserError(
            "this worker's queue promises a GPU, but its image has TensorFlow for CPUs: build the "
            "target `worker` with the argument ACCELERATOR=cuda"
        )


def airflow_database() -> None:
    """Airflow's database has the schema of the Airflow that is installed here."""
    import sqlalchemy.exc

    with _hushed():
        from airflow.utils.db import check_migrations

        try:
            check_migrations(1)
            return
        except TimeoutError:
            problem = (
                f"Airflow's database is of another version than Airflow "
                f"{importlib.metadata.version('apache-airflow')}: back it up, then run "
                "`python -m launcher.cli upgrade --backed-up`"
            )
        except sqlalchemy.exc.SQLAlchemyError as error:
            problem = f"Airflow's database does not answer ({_first_line(error)})"
    raise UserError(problem)


def airflow_database_is_empty() -> bool:
    """Whether nobody has made Airflow's tables yet.

    Raises:
        UserError: the database does not answer.
    """
    import sqlalchemy as sa

    with _hushed():
        from airflow.settings import get_engine

        try:
            return not sa.inspect(get_engine()).has_table("alembic_version")
        except sa.exc.SQLAlchemyError as error:
            problem = f"Airflow's database does not answer ({_first_line(error)})"
    raise UserError(problem)


def mlflow_database_is_empty(url: str) -> bool:
    """Whether nobody has made MLflow's tables yet.

    Raises:
        UserError: the database does not answer.
    """
    import sqlalchemy as sa

    try:
        return not sa.inspect(sa.create_engine(url)).has_table("alembic_version")
    except sa.exc.SQLAlchemyError as error:
        raise UserError(f"MLflow's database does not answer ({_first_line(error)})") from None


def mlflow_database() -> None:
    """MLflow's database is empty, or has the schema of the MLflow that is installed here."""
    import sqlalchemy as sa
    from mlflow.store.db import utils

    url = _needed(MLFLOW_DATABASE)
    try:
        engine = sa.create_engine(url)
        if not sa.inspect(engine).has_table("alembic_version"):
            return  # the server makes its tables
        found, here = utils._get_schema_version(engine), utils._get_latest_schema_revision()
    except sa.exc.SQLAlchemyError as error:
        raise UserError(f"MLflow's database does not answer ({_first_line(error)})") from None
    if found != here:
        raise UserError(
            f"MLflow's database is of another version (schema {found}, not {here}) than MLflow "
            f"{importlib.metadata.version('mlflow')}: back it up, then run "
            "`python -m launcher.cli upgrade --backed-up` where its URL is set"
        )


def mlflow_artifacts() -> None:
    """Where MLflow keeps artifacts can be written."""
    from model_zoo.runs.storage import check_writable

    where = _needed(MLFLOW_ARTIFACTS)
    try:
        check_writable(where)
    except UserError as error:
        raise UserError(str(error).replace("CATWALK_STORAGE", MLFLOW_ARTIFACTS)) from None


def free_port() -> None:
    """Nobody listens where this container's server will."""
    host, _, port = _needed(PORT).rpartition(":")
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, int(port)))
        except OSError as error:
            raise UserError(
                f"port {port} on {host} cannot be used ({error.strerror}): stop what listens "
                "there, or choose another port"
            ) from None


def _needed(variable: str) -> str:
    value = os.environ.get(variable)
    if not value:
        raise UserError(f"{variable} is not set")
    return value


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0]


@contextlib.contextmanager
def _hushed() -> Iterator[None]:
    """Keep what Airflow prints while it is imported from hiding the one sentence."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        yield
