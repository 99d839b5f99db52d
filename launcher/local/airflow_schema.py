"""Which schema Airflow's database of a home has, and whether it is that of the Airflow installed.

Asking Airflow takes seconds; so what its migration ended with is noted beside the database.
"""

from __future__ import annotations

import importlib.metadata
import sqlite3
from contextlib import closing
from pathlib import Path

from model_zoo.errors import UserError
from model_zoo.files import complete_or_absent

FILE = "airflow.db"
NOTE = "initialised-"  # and the version of Airflow


def is_current(airflow_home: Path) -> bool:
    """Whether the database is there and was migrated by this version; it is not, in a new home.

    Raises:
        UserError: it is there, of another version: names `catwalk upgrade`.
    """
    database, note = airflow_home / FILE, _note(airflow_home)
    if not database.exists():
        return False
    if not note.exists() and not list(airflow_home.glob(f"{NOTE}*")):
        return False  # its first migration was killed
    if note.exists() and note.read_text() == _revision(database):
        return True
    raise UserError(
        f"Airflow's database {database} is of another version of Airflow: stop `catwalk up`, then "
        "`catwalk upgrade` copies it and brings it up to date"
    )


def note_migrated(airflow_home: Path) -> None:
    """The database has just been brought to the schema of what is installed."""
    for old in airflow_home.glob(f"{NOTE}*"):
        if old != _note(airflow_home):
            old.unlink()
    with complete_or_absent(_note(airflow_home)) as partial:
        partial.write_text(_revision(airflow_home / FILE))


def _note(airflow_home: Path) -> Path:
    return airflow_home / f"{NOTE}{importlib.metadata.version('apache-airflow')}"


def _revision(database: Path) -> str:
    """Alembic's name of the schema; empty where there is none.

    Raises:
        UserError: the file is no database, or damaged.
    """
    try:
        with closing(sqlite3.connect(f"{database.as_uri()}?mode=rw", 20, uri=True)) as connection:
            return str(connection.execute("SELECT version_num FROM alembic_version").fetchone()[0])
    except (sqlite3.OperationalError, TypeError):  # no such table, or nothing in it
        return ""
    except sqlite3.Error as error:
        raise UserError(
            f"Airflow's database {database} cannot be used ({error}): take it from a backup, or "
            "move it away to begin anew"
        ) from None
