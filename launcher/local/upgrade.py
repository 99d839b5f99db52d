"""Bring databases of an older version to the schema of what is installed, after a copy of each."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from launcher import owned_process
from launcher.local.airflow import environment, run_logged
from launcher.local.airflow_schema import FILE, note_migrated
from launcher.local.backup import copy_database
from launcher.local.machine import Machine
from launcher.local.one_at_a_time import one_at_a_time
from model_zoo.errors import UserError
from model_zoo.registry import database
from model_zoo.registry.store import sqlite_uri

COPIES = "before-upgrade"
OF_A_CLUSTER = "MLFLOW_BACKEND_STORE_URI"


def upgrade(machine: Machine, say: Callable[[str], None], *, backed_up: bool = False) -> None:
    """The databases of this home, or in containers those that the environment names.

    Args:
        backed_up: in containers, somebody has copied them: nobody can do that from inside.

    Raises:
        UserError: something uses the home, or a migration failed; says where the copy is.
    """
    if os.environ.get(OF_A_CLUSTER):
        _of_a_cluster(backed_up)
        return
    home = machine.places.home
    found = [path for path in (home / database.FILE, machine.airflow_home / FILE)
             if path.exists()]  # fmt: skip
    if not found:
        say(f"{home} has no database yet: nothing to upgrade")
        return
    with one_at_a_time(home, "upgrade"):
        env = environment(machine)
        stamp = f"{datetime.now(UTC):%Y-%m-%dT%H-%M-%S}"
        for path in found:
            copy = home / COPIES / f"{stamp}-{path.name}"
            copy.parent.mkdir(exist_ok=True)
            copy_database(path, copy)
            say(f"{path} was copied to {copy}")
            _migrate(machine, env, path, copy)
            if path.name != database.FILE:
                note_migrated(machine.airflow_home)
            say(f"{path} has the schema of this version")


def _migrate(machine: Machine, env: dict[str, str], path: Path, copy: Path) -> None:
    if path.name == database.FILE:
        command = owned_process.command("mlflow", "db", "upgrade", sqlite_uri(path))
    else:
        command = owned_process.command("airflow", "db", "migrate")
    try:
        run_logged(machine, env, f"upgrade-{path.stem}", command)
    except UserError as error:
        raise UserError(
            f"{error}. A newer version may have made this database; to go back, put {copy} in its "
            "place"
        ) from None


def _of_a_cluster(backed_up: bool) -> None:
    if not backed_up:
        raise UserError(
            "back up both databases first (docker/backup, or pg_dump), then add --backed-up"
        )
    command = [sys.executable, "-m", "launcher.container.make_cluster", "--upgrade"]
    os.execv(command[0], command)
