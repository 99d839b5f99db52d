"""What a library raises is a sentence and a file with the whole of it; a bug of ours stays loud."""

from __future__ import annotations

import sqlite3
import zipfile
from pathlib import Path

import pytest
import requests
from PIL import UnidentifiedImageError
from sqlalchemy.exc import OperationalError

from launcher.cli import history
from launcher.cli.main import main
from model_zoo import failures
from model_zoo.failures import KEPT, told, whose


def raised(error: Exception) -> Exception:
    """With a stack trace."""
    try:
        raise error
    except Exception as caught:
        return caught


@pytest.mark.parametrize(
    ("error", "who"),
    [
        (OperationalError("SELECT 1", {}, Exception("disk I/O error")), "the database"),
        (sqlite3.DatabaseError("file is not a database"), "the database"),
        (requests.ConnectionError("refused"), "the connection"),
        (UnidentifiedImageError("cannot identify"), "Pillow"),
        (zipfile.BadZipFile("bad magic"), "a ZIP"),
        (PermissionError(13, "Permission denied", "/x"), "the operating system"),
        (ValueError("ours"), None),
        (KeyError("ours"), None),
    ],
)
def test_it_is_known_whose_error_it_is(error: Exception, who: str | None) -> None:
    assert whose(error) == who


def test_the_sentence_names_a_file_that_has_the_whole_of_it(tmp_path: Path) -> None:
    said = told(raised(PermissionError(13, "Permission denied", "/data/x")), lambda: tmp_path)
    start = "the operating system says: Permission denied: /data/x. The whole of it is in "
    assert said.startswith(start)
    text = Path(said.removeprefix(start)).read_text()
    assert "Traceback" in text and "raise error" in text
    assert Path(said.removeprefix(start)).parent == tmp_path / "errors"


def test_a_long_error_is_one_line(tmp_path: Path) -> None:
    said = told(raised(sqlite3.OperationalError(f"no such table\n{'x' * 9999}")), lambda: tmp_path)
    assert len(said.splitlines()) == 1 and "no such table" in said and "xxx" not in said


def test_the_newest_files_are_kept(tmp_path: Path) -> None:
    for _ in range(KEPT + 5):
        told(raised(sqlite3.OperationalError("again")), lambda: tmp_path)
    assert len(list((tmp_path / "errors").iterdir())) == KEPT


def test_without_a_home_the_file_lies_among_the_temporary_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(failures.tempfile, "gettempdir", lambda: str(tmp_path))
    missing = tmp_path / "no" / "home"
    said = told(raised(sqlite3.OperationalError("x")), lambda: missing)
    assert str(tmp_path / "error-") in said and not missing.exists()


def test_a_command_tells_a_librarys_error_and_not_a_bug(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def away(given: object) -> int:
        raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setenv("CATWALK_HOME", str(tmp_path))
    monkeypatch.setattr(history, "run", away)
    assert main(["history"]) == 1
    said = capsys.readouterr().err
    assert said.startswith("catwalk: the database says: disk I/O error. The whole of it is in ")
    assert "Traceback" not in said

    def bug(given: object) -> int:
        raise KeyError("a bug of ours")

    monkeypatch.setattr(history, "run", bug)
    with pytest.raises(KeyError):
        main(["history"])
