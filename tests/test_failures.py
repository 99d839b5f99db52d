"""What a library raises is a sentence and a file with the whole of it; a bug of ours stays loud."""

from __future__ import annotations

import errno
import sqlite3
import zipfile
from pathlib import Path

import pytest
import requests
from botocore.exceptions import ClientError
from PIL import UnidentifiedImageError
from sqlalchemy.exc import OperationalError

from launcher.cli import history
from launcher.cli.main import main
from model_zoo import failures
from model_zoo.errors import AWAY_STATUS, Unavailable, exit_status
from model_zoo.failures import KEPT, is_away, told, whose
from model_zoo.registry.client import HomeMoved, RegistryUnavailable, check_home, usable
from model_zoo.registry.store import Store


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


def of_s3(code: str, status: int, number: int) -> OSError:
    """As s3fs raises what S3 answers."""
    error = OSError(number, code)
    answer = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    error.__cause__ = ClientError(answer, "PutObject")  # type: ignore[arg-type]
    return error


@pytest.mark.parametrize(
    ("error", "away"),
    [
        (of_s3("SlowDown", 503, errno.EBUSY), True),
        (of_s3("InternalError", 500, errno.EIO), True),
        (of_s3("AccessDenied", 403, errno.EACCES), False),
        (OSError(errno.ESTALE, "Stale file handle"), True),
        (OSError(errno.EHOSTUNREACH, "No route to host"), True),
        (OSError(errno.EIO, "Input/output error"), False),  # of a disk of one's own
    ],
)
def test_what_asks_for_patience_is_away_and_what_refuses_is_not(error: OSError, away: bool) -> None:
    assert is_away(error) == away


def test_what_stays_until_somebody_acts_is_not_tried_again(tmp_path: Path) -> None:
    store = Store(tmp_path, "", "shirts", "shirts-classifier")
    for reason, status in (
        ("database is locked", AWAY_STATUS),
        ("file is not a database", 2),
        ("no such table: runs", 2),
    ):
        with pytest.raises(RegistryUnavailable) as told, usable(store):
            raise sqlite3.OperationalError(reason)
        assert exit_status(told.value) == status, reason
    gone = Store(tmp_path / "moved", "", "shirts", "shirts-classifier")
    with pytest.raises(HomeMoved) as told:
        check_home(gone)
    assert exit_status(told.value) == 2
    assert exit_status(Unavailable("MLflow does not answer")) == AWAY_STATUS
