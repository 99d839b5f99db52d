"""MLflow's database in a home, by SQL, for the things that its client does not do well.

It has no call that moves a store: locations of artifacts are absolute, so a home that was moved,
copied or restored from a backup points to where it was. Nor one that moves several aliases at
once. And importing and opening it takes 5 s of CPU time, which is long for a few rows. So a home's
own promotions are one transaction here; runs and versions are written by the client alone.
`tests/registry/test_database.py` holds what is read and written here against what the client says
and does.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

FILE = "mlflow.db"
ARTIFACTS = "mlflow-artifacts"
BUSY_SECONDS = 20.0
#: Where MLflow 3.17 keeps where artifacts lie; other columns hold names and relative paths.
LOCATIONS = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
)
DELETED = "Deleted_Internal"  # the stage by which MLflow marks a version as deleted


@dataclass(frozen=True)
class Row:
    """One registered version as the table has it.

    Attributes:
        created: milliseconds since 1970.
        location: URI of the folder that its files lie in.
    """

    version: str
    created: int
    run_id: str
    tags: dict[str, str]
    location: str = ""


@contextmanager
def _open(database: Path) -> Iterator[sqlite3.Connection]:
    # Not read-only, though most only read: SQLite must be able to undo what a killed writer left.
    uri = f"{database.as_uri()}?mode=rw"
    with closing(sqlite3.connect(uri, BUSY_SECONDS, isolation_level=None, uri=True)) as connection:
        yield connection


def is_made(database: Path) -> bool:
    """Whether the file is there and MLflow has made all of its tables."""
    if not database.is_file():
        return False
    with _open(database) as connection:
        known = "SELECT name FROM sqlite_master WHERE type = 'table'"
        made = {name for (name,) in connection.execute(known)}
    return made.issuperset({"alembic_version", *(table for table, _ in LOCATIONS)})


def relocate(home: Path) -> bool:
    """Let a store that lies in ``home`` now point to the artifacts there; whether it had to.

    One transaction: killed at any moment, all locations are the old ones or the new ones. Others
    that come at the same time wait for it, and find nothing left to do.
    """
    database, artifacts = home / FILE, (home / ARTIFACTS).as_uri()
    if not is_made(database):
        return False
    with _open(database) as connection:
        if not _left(connection, artifacts):
            return False
        connection.execute("BEGIN IMMEDIATE")
        for old in _left(connection, artifacts):
            for table, column in LOCATIONS:
                connection.execute(
                    f"UPDATE {table} SET {column} = :new || substr({column}, length(:old) + 1) "
                    f"WHERE {column} = :old OR substr({column}, 1, length(:old) + 1) = :old || '/'",
                    {"old": old, "new": artifacts},
                )
        connection.execute("COMMIT")
    return True


def _left(connection: sqlite3.Connection, artifacts: str) -> list[str]:
    """Folders of artifacts of other homes that experiments point to."""
    found = connection.execute(
        "SELECT DISTINCT artifact_location FROM experiments "
        "WHERE artifact_location LIKE 'file:///%' AND artifact_location <> ?",
        (artifacts,),
    )
    return [location for (location,) in found if location.endswith(f"/{ARTIFACTS}")]


def read_versions(home: Path, model: str) -> list[Row]:
    """The versions of a registered model, newest first; none where there is no store yet."""
    if not is_made(home / FILE):
        return []
    with _open(home / FILE) as connection:
        return versions_in(connection, model)


def read_aliases(home: Path, model: str) -> dict[str, str]:
    """Which version each alias of a registered model points at."""
    if not is_made(home / FILE):
        return {}
    with _open(home / FILE) as connection:
        return aliases_in(connection, model)


def read_alias_of_all(home: Path, alias: str) -> dict[str, str]:
    """Which version an alias points at, by registered model; those without it are not there."""
    if not is_made(home / FILE):
        return {}
    with _open(home / FILE) as connection:
        wanted = "SELECT name, version FROM registered_model_aliases WHERE alias = ?"
        return {str(key): str(value) for key, value in connection.execute(wanted, (alias,))}


def read_tags(home: Path, model: str) -> dict[str, str]:
    """The tags of a registered model."""
    if not is_made(home / FILE):
        return {}
    with _open(home / FILE) as connection:
        return tags_in(connection, model)


@contextmanager
def transaction(home: Path) -> Iterator[sqlite3.Connection]:
    """Read and write with nobody in between, a server on the same file included.

    Killed at any moment, or left by an exception, nothing of it is done.
    """
    with _open(home / FILE) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield connection  # closing without a commit undoes
        connection.execute("COMMIT")


def versions_in(connection: sqlite3.Connection, model: str) -> list[Row]:
    """As :func:`read_versions`, in a transaction."""
    tags: dict[int, dict[str, str]] = {}
    wanted = "SELECT version, key, value FROM model_version_tags WHERE name = ?"
    for version, key, value in connection.execute(wanted, (model,)):
        tags.setdefault(version, {})[key] = value
    found = connection.execute(
        "SELECT version, creation_time, run_id, coalesce(storage_location, source) "
        "FROM model_versions WHERE name = ? AND current_stage IS NOT ? ORDER BY version DESC",
        (model, DELETED),
    )
    return [
        Row(str(version), created, run_id or "", tags.get(version, {}), location or "")
        for version, created, run_id, location in found
    ]


def aliases_in(connection: sqlite3.Connection, model: str) -> dict[str, str]:
    """As :func:`read_aliases`, in a transaction."""
    wanted = "SELECT alias, version FROM registered_model_aliases WHERE name = ?"
    return {str(key): str(value) for key, value in connection.execute(wanted, (model,))}


def tags_in(connection: sqlite3.Connection, model: str) -> dict[str, str]:
    """As :func:`read_tags`, in a transaction."""
    wanted = "SELECT key, value FROM registered_model_tags WHERE name = ?"
    return {str(key): str(value) for key, value in connection.execute(wanted, (model,))}


def write_alias(
    connection: sqlite3.Connection, model: str, alias: str, version: str | None
) -> None:
    """Point an alias of a registered model at a version, or at nothing."""
    connection.execute(
        "DELETE FROM registered_model_aliases WHERE name = ? AND alias = ?", (model, alias)
    )
    if version is not None:
        connection.execute(
            "INSERT INTO registered_model_aliases (name, alias, version) VALUES (?, ?, ?)",
            (model, alias, version),
        )


def write_tag(
    connection: sqlite3.Connection, model: str, key: str, value: str | None, version: str = ""
) -> None:
    """Set, or with None delete, a tag of a registered model, or of one of its versions."""
    table, which = "registered_model_tags", ""
    known: dict[str, str] = {"name": model, "key": key}
    if version:
        table, which = "model_version_tags", " AND version = :version"
        known["version"] = version
    connection.execute(f"DELETE FROM {table} WHERE name = :name AND key = :key{which}", known)
    if value is not None:
        columns = [*known, "value"]
        places = ", ".join(f":{one}" for one in columns)
        connection.execute(
            f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({places})",
            known | {"value": value},
        )
