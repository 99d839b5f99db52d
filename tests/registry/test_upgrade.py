"""A database that an older MLflow made: one whole sentence, and a command that mends it."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest
from alembic import command
from mlflow.store.db import utils

from launcher.cli.main import main
from model_zoo.registry.client import RegistryUnavailable, answered_by
from model_zoo.registry.store import Store


def version_of(store: Store) -> str:
    with closing(sqlite3.connect(store.home / "mlflow.db")) as database:
        return str(database.execute("SELECT version_num FROM alembic_version").fetchone()[0])


@pytest.mark.fault(
    "MLflow's database is of another version",
    saw="one sentence that names `catwalk upgrade`",
    lost="nothing",
)
def test_a_database_of_another_schema_is_told_in_a_whole_sentence(empty: Store) -> None:
    with sqlite3.connect(empty.home / "mlflow.db") as database:
        # The schema before; without a missing table, for which MLflow would migrate by itself.
        database.execute("UPDATE alembic_version SET version_num = '75868b020152'")
    with pytest.raises(RegistryUnavailable) as told, answered_by(empty) as client:
        client.get_experiment_by_name("shirts")
    assert str(told.value) == (
        f"MLflow's database {empty.home / 'mlflow.db'} is of another version of MLflow: stop "
        "`catwalk up`, then `catwalk upgrade` copies it and brings it up to date"
    )


def test_an_upgrade_copies_the_database_first(
    empty: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    head = version_of(empty)
    command.downgrade(utils._get_alembic_config(empty.uri), "-1")
    older = version_of(empty)
    assert older != head
    monkeypatch.setenv("CATWALK_HOME", str(empty.home))
    assert main(["upgrade"]) == 0, capsys.readouterr().err
    said = capsys.readouterr().out
    (copy,) = (empty.home / "before-upgrade").iterdir()
    assert f"was copied to {copy}" in said and "has the schema of this version" in said
    assert version_of(empty) == head
    with closing(sqlite3.connect(copy)) as database:
        kept = database.execute("SELECT version_num FROM alembic_version").fetchone()[0]
    assert kept == older


def test_nobody_upgrades_a_cluster_without_saying_that_it_is_backed_up(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MLFLOW_BACKEND_STORE_URI", "postgresql://mlflow@nowhere/mlflow")
    assert main(["upgrade"]) == 2
    assert "back up both databases first" in capsys.readouterr().err
