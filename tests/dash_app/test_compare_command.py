"""`catwalk compare` on two versions of real runs: what the tab Compare draws, in a terminal."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from launcher.cli.main import main
from model_zoo.settings import Places


@pytest.fixture(autouse=True)
def home(page_places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CATWALK_HOME", str(page_places.home))


def test_two_versions_are_told_as_tables_and_as_json(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    sheet = tmp_path / "differences.png"
    assert main(["compare", "production", "2", "--images", str(sheet)]) == 0
    told = capsys.readouterr().out
    assert "Version 2 against version 1, on the same 1,000 test images" in told
    for words in ("balanced accuracy", "corrupted by", "jpeg 2", "lowest", "Only version 1 is"):
        assert words in told
    assert max(map(len, told.splitlines())) <= 80
    assert Image.open(sheet).width > 600
    assert main(["compare", "1", "candidate", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["first"], found["second"], found["images"]) == ("1", "2", 1000)
    assert found["notes"] == [], "the same test set, the same format"
    accuracy = found["figures"][0]
    assert accuracy["difference"] == pytest.approx(accuracy["second"] - accuracy["first"])
    assert {len(found["classes"]), len(found["corruptions"])} == {10, 12}
    assert found["timed"] == "timed side by side at the gate of version 2"


@pytest.mark.parametrize(
    ("given", "sentence"),
    [("9", "no version '9' of"), ("champion", "no version carries the alias 'champion'")],
)
def test_a_version_that_is_not_there_is_one_sentence(
    given: str, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["compare", "1", given]) == 2
    assert sentence in capsys.readouterr().err
