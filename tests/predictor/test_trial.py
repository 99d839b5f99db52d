"""A version is tried in a process that has only what serving has, from the registry's own files."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from model_zoo.errors import UserError
from model_zoo.predictor.trial import NotServable, try_version
from model_zoo.registry.promotion import promote, rollback
from model_zoo.registry.served_files import FACTS, MODEL, folder_in_home, sha256
from model_zoo.registry.versions import find_alias, get_version
from model_zoo.settings import Serving


def tried(home, version: str, **serving):
    found = get_version(home.store, version)
    return try_version(home.store, Serving.load(**serving), home.places, found)


def test_the_registered_file_answers_as_it_would_serve(home) -> None:
    trial = tried(home, "1")
    files = folder_in_home(home.store, "1")
    assert trial.bytes == (files / MODEL).stat().st_size and 0 < trial.ready_seconds < 120


@pytest.mark.parametrize("what", ["gone", "damaged", "no model", "too late", "no such format"])
def test_what_cannot_be_served_is_a_sentence_though_a_cache_has_it(home, what: str) -> None:
    home.load("1")  # in the cache of this home
    files, serving = folder_in_home(home.store, "1"), {}
    sentence = {
        "gone": "cannot be served: classifier.json of version 1 is gone from the registry",
        "damaged": "model.onnx is damaged or was swapped",
        "no model": "cannot be run by ONNX Runtime",
        "too late": r"not ready to serve within 0\.01 s",
        "no such format": "has no file in the format onnx-int8",
    }[what]
    if what == "gone":
        shutil.rmtree(files)
    elif what == "damaged":
        (files / MODEL).write_bytes((files / MODEL).read_bytes()[:-1] + b"x")
    elif what == "too late":
        serving["load_seconds"] = 0.01
    else:
        change(home, files, what)
        serving["served_format"] = "onnx-int8" if what == "no such format" else "onnx"
    with pytest.raises(NotServable, match=sentence):
        tried(home, "1", **serving)


def change(home, files: Path, what: str) -> None:
    """Files that belong together, and yet are no good."""
    from model_zoo.registry.client import connect

    facts = json.loads((files / FACTS).read_text())
    if what == "no model":
        (files / MODEL).write_bytes(b"no model")
        facts["sha256"][MODEL] = sha256(files / MODEL)
    else:
        facts["formats"] = [row for row in facts["formats"] if row["format"] != "onnx-int8"]
    (files / FACTS).write_text(json.dumps(facts))
    digest = sha256(files / FACTS)
    connect(home.store).set_model_version_tag(home.store.model, "1", "classifier_sha256", digest)


def test_promote_at_the_command_line_moves_nothing_to_files_that_are_gone(
    home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from launcher.cli.main import main

    monkeypatch.setenv("CATWALK_HOME", str(home.places.home))
    assert main(["promote", "2", "--by", "ann", "--reason", "better"]) == 0
    assert main(["rollback", "--reason", "worse"]) == 0
    assert main(["promote", "2"]) == main(["promote", "2", "--force"]) == 2
    told = capsys.readouterr()
    assert "production is version 2, before it version 1" in told.out
    assert "rejected by a rollback" in told.err and "say why, with --reason" in told.err
    shutil.rmtree(folder_in_home(home.store, "2"))
    assert main(["promote", "2", "--force", "--reason", "x"]) == 2
    assert "version 2 cannot be served" in capsys.readouterr().err
    assert find_alias(home.store, "production").version == "1"
    with pytest.raises(UserError, match="no previous version"):
        rollback(home.store)
    assert not promote(home.store, "1").moved
