"""A backup that is taken while things run becomes a home at another path, and that predicts."""

from __future__ import annotations

import shutil
import sqlite3
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from launcher.cli.main import main
from launcher.local.backup import copy_database
from model_zoo.locks import locked
from model_zoo.predictor import load_classifier
from model_zoo.registry.store import store_of
from model_zoo.settings import Places, Project, Serving

if TYPE_CHECKING:
    from tests.conftest import FirstRun


@pytest.fixture(scope="module")
def home(first_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    own = tmp_path_factory.mktemp("backed-up") / "home"
    shutil.copytree(first_home, own, ignore=shutil.ignore_patterns("*.lock"))
    return own


@pytest.fixture(scope="module")
def file(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("backup") / "home.tar.gz"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CATWALK_HOME", str(home))
        assert main(["backup", str(path)]) == 0
    return path


@pytest.mark.fault(
    "the home is gone, there is a backup",
    saw="predictions as before, at another path",
    lost="caches",
)
def test_predict_works_after_a_restore_at_another_path(
    file: Path,
    project: Project,
    places: Places,
    tmp_path: Path,
    another_store: None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    home = tmp_path / "another" / "home"
    monkeypatch.setenv("CATWALK_HOME", str(home))
    assert main(["restore", str(file)]) == 0
    assert "CATWALK_PROJECTS_DIR" in capsys.readouterr().out
    assert (home / "projects" / "fashion-mnist.toml").exists()
    assert not (home / "cache").exists(), "what can be made again is left out"
    restored = places.model_copy(update={"home": home})
    images = np.zeros((1, 28, 28), np.uint8)
    both = [
        load_classifier(store_of(project, one), Serving.load(), one.cache_dir).probabilities(images)
        for one in (places, restored)
    ]
    np.testing.assert_array_equal(*both)


def test_a_restore_replaces_nothing(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CATWALK_HOME", str(tmp_path))
    (tmp_path / "mine.txt").write_text("mine")
    assert main(["restore", str(file)]) == 2
    assert "is not empty" in capsys.readouterr().err
    assert [one.name for one in tmp_path.iterdir()] == ["mine.txt"]


@pytest.mark.fault("a backup is cut short", saw="one sentence, nothing is restored", lost="nothing")
@pytest.mark.parametrize("what", ["cut short", "no archive", "not there"])
def test_half_a_backup_restores_nothing(
    what: str,
    file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    given, home = tmp_path / "given.tar.gz", tmp_path / "home"
    if what != "not there":
        content = file.read_bytes()
        given.write_bytes(content[: len(content) // 2] if what == "cut short" else b"no archive")
    monkeypatch.setenv("CATWALK_HOME", str(home))
    assert main(["restore", str(given)]) == 2
    said = capsys.readouterr().err
    assert ("does not exist" if what == "not there" else "is no whole backup") in said
    assert not home.exists() and not list(tmp_path.glob(".partial*"))


def test_a_run_under_way_is_left_out_and_said(
    first_run: FirstRun,
    home: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("CATWALK_HOME", str(home))
    name = first_run.folder.name
    with locked(home / "locks" / f"{name}.lock"):
        assert main(["backup", str(tmp_path / "b.tar")]) == 0
    assert f"run {name} is under way and is not in the backup" in capsys.readouterr().out
    shutil.unpack_archive(tmp_path / "b.tar", tmp_path / "b", filter="data")
    assert not (tmp_path / "b" / "runs").exists() and (tmp_path / "b" / "mlflow.db").exists()


def test_a_database_is_copied_as_it_stands_at_one_moment(tmp_path: Path) -> None:
    source, target = tmp_path / "a.db", tmp_path / "b.db"
    with sqlite3.connect(source) as made:
        made.execute("CREATE TABLE pairs (a INTEGER, b INTEGER)")
    over = threading.Event()

    def write() -> None:
        with sqlite3.connect(source, 60) as writer:
            while not over.is_set():
                for _ in range(20):
                    writer.execute("INSERT INTO pairs VALUES (1, 0)")
                writer.execute("UPDATE pairs SET b = a")
                writer.commit()

    beside = threading.Thread(target=write)
    beside.start()
    try:
        for _ in range(5):
            target.unlink(missing_ok=True)
            copy_database(source, target)
            with sqlite3.connect(target) as copy:
                assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)
                assert copy.execute("SELECT count(*) FROM pairs WHERE b = 0").fetchone() == (0,)
    finally:
        over.set()
        beside.join()
