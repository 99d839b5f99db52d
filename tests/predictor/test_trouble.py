"""Each reason why production cannot be loaded has its own word and sentence, and its pauses."""

from __future__ import annotations

import errno
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dash_app.status import status_of
from model_zoo.predictor import pauses
from model_zoo.predictor.pauses import Pauses
from model_zoo.registry import served_files
from model_zoo.registry.promotion import promote
from model_zoo.registry.served_files import MODEL, folder_in_home
from model_zoo.registry.store import Store

if TYPE_CHECKING:
    from tests.predictor.conftest import Home


def disk_full(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(source: Path, target: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(target))

    monkeypatch.setattr(served_files.shutil, "copyfile", full)


def file_gone(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = folder_in_home(home.store, "2")
    (folder / MODEL).unlink()


def file_damaged(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = folder_in_home(home.store, "2")
    (folder / MODEL).write_bytes(b"half a file")


def home_moved(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    home.places.home.rename(home.places.home.with_name("elsewhere"))


def database_damaged(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    (home.places.home / "mlflow.db").write_bytes(b"no database" * 1000)


@pytest.mark.parametrize(
    ("fault", "kind", "problem", "outside"),
    [
        (disk_full, "disk", "No space left on device. Free space", "disk of the page is full"),
        (file_gone, "missing", "model.onnx of version 2 is gone from", "are gone from the"),
        (file_damaged, "damaged", "version 2 is damaged in the registry", "are damaged in the"),
        (home_moved, "home", "is not there: it was moved", "the home folder is not there"),
        (database_damaged, "registry", "cannot be used (", "MLflow's database cannot be used"),
    ],
)  # fmt: skip
def test_every_fault_says_what_it_is_and_the_last_good_version_goes_on(
    home: Home, monkeypatch: pytest.MonkeyPatch, fault, kind: str, problem: str, outside: str
) -> None:
    predictor = home.predictor()
    predictor.refresh()
    assert predictor.kind is None
    promote(home.store, "2")
    fault(home, monkeypatch)
    predictor.refresh()
    assert predictor.kind == kind
    assert problem in predictor.problem
    said = status_of(predictor).problem
    assert outside in said and "version 1, the last good one, goes on answering" in said
    assert predictor.current.version == "1"


def test_a_version_that_cannot_be_had_is_not_fetched_at_every_look(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1000.0]
    monkeypatch.setattr(pauses.time, "monotonic", lambda: now[0])
    predictor = home.predictor(poll_seconds=3)
    predictor.refresh()
    promote(home.store, "2")
    fetched: list[str] = []

    def gone(store: Store, version: str, *_: object) -> None:
        fetched.append(version)
        raise served_files.MissingFile("gone")

    with monkeypatch.context() as patch:
        patch.setattr("model_zoo.predictor.versions.fetch_served_files", gone)
        for _ in range(100):  # five minutes
            predictor.refresh()
            now[0] += 3
    tries = len(fetched) // 2  # each fetches anew what may be damaged in the cache
    assert 5 <= tries <= 8
    assert predictor.kind == "missing"
    promote(home.store, "1")
    predictor.refresh()  # another version is not made to wait
    assert predictor.problem is None
    promote(home.store, "2")
    now[0] += pauses.LONGEST_SECONDS
    shutil.rmtree(home.cached / "2", ignore_errors=True)
    predictor.refresh()
    assert predictor.current.version == "2"


def test_pauses_grow_and_end(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(pauses.time, "monotonic", lambda: now[0])
    found = Pauses(3)
    waited = []
    for _ in range(9):
        found.began("a")
        begun = now[0]
        while found.is_waiting("a"):
            now[0] += 1
        waited.append(now[0] - begun)
    assert waited == [3, 6, 12, 24, 48, 96, 192, 300, 300]
    assert not found.is_waiting("b")
    found.began("a")
    found.over()
    assert not found.is_waiting("a")
