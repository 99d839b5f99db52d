"""Airflow's database of another version is told before anything starts; nobody migrates unasked."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from launcher.local.airflow_schema import FILE, is_current, note_migrated
from model_zoo.errors import UserError


def migrated_to(airflow_home: Path, revision: str) -> None:
    with closing(sqlite3.connect(airflow_home / FILE)) as database, database:
        database.execute("CREATE TABLE IF NOT EXISTS alembic_version (version_num TEXT)")
        database.execute("DELETE FROM alembic_version")
        database.execute("INSERT INTO alembic_version VALUES (?)", (revision,))


def test_a_new_home_and_one_whose_first_migration_was_killed_are_made(tmp_path: Path) -> None:
    assert not is_current(tmp_path)
    (tmp_path / FILE).write_bytes(b"")
    assert not is_current(tmp_path)
    migrated_to(tmp_path, "b1")
    note_migrated(tmp_path)
    assert is_current(tmp_path)


@pytest.mark.fault(
    "Airflow's database is of another version",
    saw="one sentence that names `catwalk upgrade`, before anything starts",
    lost="nothing",
)
def test_one_of_another_version_is_told_until_it_was_upgraded(tmp_path: Path) -> None:
    migrated_to(tmp_path, "a0")
    (tmp_path / "initialised-3.2.0").write_text("a0")  # as an older installation left it
    with pytest.raises(UserError, match=r"airflow.db is of another version.*`catwalk upgrade`"):
        is_current(tmp_path)
    migrated_to(tmp_path, "b1")
    note_migrated(tmp_path)
    assert is_current(tmp_path)
    migrated_to(tmp_path, "a0")  # somebody put an old copy back
    with pytest.raises(UserError, match="another version"):
        is_current(tmp_path)


def test_a_damaged_one_is_a_sentence(tmp_path: Path) -> None:
    migrated_to(tmp_path, "b1")
    note_migrated(tmp_path)
    (tmp_path / FILE).write_bytes(b"no database" * 1000)
    with pytest.raises(UserError, match=r"airflow\.db cannot be used"):
        is_current(tmp_path)
