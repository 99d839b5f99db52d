"""A version is made again from what it recorded, and what differs is said."""

from __future__ import annotations

import shutil
from dataclasses import replace

import numpy as np
import pytest
from first_run import FirstRun

from model_zoo.errors import UserError
from model_zoo.registry.lineage import Lineage
from model_zoo.registry.store import Store
from model_zoo.registry.versions import get_version
from model_zoo.runs.folder import open_run
from model_zoo.runs.reproduce import (
    differences,
    make_again,
    of_answers,
    of_origin,
    project_of,
    recorded,
)
from model_zoo.settings import Places, Project, load_project

#: What a run that makes a version again and was killed before its last sentence has left.
OF_A_RUN = ("run.json", "mlflow_run.json", "settings.json")


def test_the_first_version_is_made_again_bit_for_bit(
    project: Project, places: Places, store: Store, first_run: FirstRun
) -> None:
    version = get_version(store, "1")
    assert version.tags["parent"] == "none" and version.tags["replaced"] == "nothing"
    assert {"commit", "constraints_sha256", "dataset_digest"} <= set(version.tags)
    before = recorded(store, version)
    changed = {"training.epochs": 9, "search.trials": 0, "judging.metric": "macro_f1"}
    edited = load_project(given=changed)
    asked = project_of(edited, before.lineage, places)
    assert asked.deciding() == project.deciding(), "the recorded values, not those of today"

    run = open_run(asked, places, "reproduce-1")
    left_out = shutil.ignore_patterns(*OF_A_RUN, "ingest.json", "served")
    shutil.copytree(first_run.folder, run.folder, ignore=left_out, dirs_exist_ok=True)

    def no_step(step: str, *given: object) -> None:
        raise AssertionError(f"{step} was done before the kill")

    made = make_again(asked, places, before.lineage, "reproduce-1", no_step, print)
    found = differences(before, made)
    other = [one for one in found if "DIFFER" in one]
    assert all(one.startswith("code ") for one in other), other  # somebody may commit meanwhile
    assert "answers are the same on all 1,000 test images" in found
    assert found[-1].startswith("model.onnx: the same, SHA-256 ")


def test_what_differs_is_named() -> None:
    then = Lineage(
        project="shop",
        profile="quick",
        recipe="short",
        settings={},
        dataset="shirts",
        snapshot="aa",
        commit="c1",
        constraints="d1",
        python="3.11.7",
        machine="Linux x86_64",
        packages={"keras": "3.15.1", "numpy": "2.4.6", "old": "1"},
    )
    now = replace(then, commit="c2", snapshot="bb", packages={"keras": "3.16", "numpy": "2.4.6"})
    found = "\n".join(of_origin(then, now))
    assert "images DIFFERS: snapshot aa then, snapshot bb now" in found
    assert "code DIFFERS: commit c1 then, commit c2 now" in found
    assert "packages DIFFER: keras 3.15.1 -> 3.16, old 1 -> absent" in found
    assert "Python: the same, 3.11.7" in found
    one, other = np.arange(4), np.array([0, 1, 2, 0])
    assert of_answers(one, other) == "answers DIFFER on 1 of 4 test images"
    assert "cannot be compared" in of_answers(None, one)
    with pytest.raises(UserError, match="of another layout"):
        Lineage.of({"project": "shop"})
