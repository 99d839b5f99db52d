"""An empty registry, made once: MLflow's first migration takes seconds."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
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
    client = connect(empty)
    client.create_registered_model(empty.model)
    for generated in ("false", "false", "true"):
        tags = GOOD_TAGS | {"generated": generated}
        client.create_model_version(empty.model, "file:///nowhere", tags=tags)
    return empty


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
