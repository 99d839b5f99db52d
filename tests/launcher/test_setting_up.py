"""What a program that ended badly says, and addresses and places with characters of their own."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy

from dash_app.__main__ import address
from launcher.local.airflow import cause
from model_zoo.registry.store import sqlite_uri


@pytest.mark.parametrize(
    ("log", "expected"),
    [
        (
            "starting\nTraceback (most recent call last):\n  File x\n"
            "sqlalchemy.exc.OperationalError: disk I/O error\nSentry is attempting to send\n",
            "sqlalchemy.exc.OperationalError: disk I/O error",
        ),
        ("starting\nFATAL: port 8080 is taken\nbye\n", "FATAL: port 8080 is taken"),
        ("one\nKilled\n-----\n", "Killed"),
        ("", "it printed nothing"),
    ],
)
def test_the_cause_of_a_bad_end_is_found_though_the_log_goes_on(
    tmp_path: Path, log: str, expected: str
) -> None:
    (tmp_path / "log").write_text(log)
    assert cause(tmp_path / "log") == expected


def test_an_address_of_ipv6_stands_in_brackets() -> None:
    assert address("::1", 8050) == "[::1]:8050"
    assert address("127.0.0.1", 8050) == "127.0.0.1:8050"


@pytest.mark.parametrize("name", ["what?", "50%25", "a b#c"])
def test_a_database_is_found_in_a_folder_of_any_name(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    folder.mkdir()
    with sqlalchemy.create_engine(sqlite_uri(folder / "x.db")).connect() as connection:
        connection.execute(sqlalchemy.text("CREATE TABLE t (x)"))
    assert [path.name for path in folder.iterdir()] == ["x.db"]
