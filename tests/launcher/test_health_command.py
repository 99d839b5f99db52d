"""`catwalk health`: the last look at the images of a project, as it lies in the runs' folders."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from launcher.cli.main import main
from model_zoo.files import write_json
from model_zoo.health.findings import Finding, Health
from model_zoo.runs.folder import run_folder
from model_zoo.settings import Places


def looked(places: Places, run: str, found: int, hours_ago: int) -> Path:
    """A run whose step `health` found so many labels likely wrong."""
    folder = run_folder(places, "fashion-mnist", run)
    write_json(folder / "run.json", {"identity": run, "name": run, "project": "fashion-mnist"})
    sentence = f"{found} of 100 labels are likely wrong: mend them"
    finding = Finding("labels", "Labels likely wrong", "how", found, 100, "warn", sentence)
    write_json(folder / "health" / "health.json", Health("5ec1", {}, {}, [finding]).as_dict())
    os.utime(folder / "health" / "health.json", (10**9 - hours_ago * 3600,) * 2)
    return folder / "health"


def test_the_last_look_or_that_of_a_run_is_printed_with_where_the_images_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CATWALK_HOME", str(tmp_path))
    assert main(["health"]) == 2
    assert "no run of fashion-mnist in" in capsys.readouterr().err
    places = Places.load()
    last = looked(places, "b", 7, hours_ago=1)
    looked(places, "a", 3, hours_ago=5)
    assert main(["health"]) == 0
    printed = capsys.readouterr().out
    assert "7 of 100 labels are likely wrong: mend them" in printed
    assert f"{last / 'page.html'}\n" in printed and f"{last / 'findings.csv'}\n" in printed
    assert main(["health", "--run", "a"]) == 0
    assert "3 of 100 labels" in capsys.readouterr().out
