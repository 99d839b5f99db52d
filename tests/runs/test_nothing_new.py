"""A run that would make the last version again ends after its first step, and says why."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from first_run import FirstRun

from model_zoo.data import snapshots
from model_zoo.errors import UserError
from model_zoo.registry.run_files import fetch_run_file
from model_zoo.registry.store import Store
from model_zoo.registry.versions import find_alias
from model_zoo.runs.folder import open_run
from model_zoo.runs.images import dataset_of
from model_zoo.runs.nothing_new import nothing_new
from model_zoo.runs.runner import run_all, run_step
from model_zoo.runs.steps import ingest
from model_zoo.settings import Places, Project


@pytest.fixture(scope="module")
def again(project: Project, places: Places, first_run: FirstRun) -> list[str]:
    """The steps of a second run of the same project."""
    steps: list[str] = []
    run_all(project, places, "again", lambda step, facts: steps.append(step))
    return steps


def test_the_run_ends_after_ingest_and_says_what_would_make_it_run(
    project: Project, places: Places, again: list[str]
) -> None:
    assert again == ["ingest"]
    facts: dict[str, Any] = run_step("ingest", project, places, "again")
    assert facts["summary"] == facts["nothing_new"]
    assert "snapshot " in facts["summary"] and "of version 1, which was judged" in facts["summary"]
    assert "New, changed or removed images would make it run" in facts["summary"]


def test_force_another_value_or_another_image_makes_it_run(
    project: Project, places: Places, again: list[str]
) -> None:
    run = open_run(project, places, "again")
    dataset = dataset_of(run)
    assert nothing_new(run, dataset)
    for name, value in (
        ("retraining.force", True), ("training.epochs", 4), ("model.image_size", 32),
    ):  # fmt: skip
        other = open_run(project.with_values({name: value}), places, "again")
        assert not nothing_new(other, dataset), name
    judged_otherwise = open_run(project.with_values({"judging.floor": 0.1}), places, "again")
    assert nothing_new(judged_otherwise, dataset), "that decides no model"
    assert not nothing_new(run, replace(dataset, snapshot="another"))


def test_a_run_that_has_begun_is_not_stopped(
    project: Project, places: Places, first_run: FirstRun
) -> None:
    assert not ingest(open_run(project, places, "first"))["nothing_new"]


def test_the_snapshot_is_a_table_on_the_run_and_can_be_asked_for(
    project: Project, places: Places, store: Store, first_run: FirstRun, tmp_path: Any
) -> None:
    version = find_alias(store, "production")
    assert version is not None
    name = version.tags["dataset_digest"]
    kept = snapshots.path_of(places.of(project.name).project_data, name)
    there = fetch_run_file(store, version.run_id, f"data/{name}.parquet", tmp_path)
    assert there is not None and there.read_bytes() == kept.read_bytes()
    old = project.with_values({"data.snapshot": name[:8], "retraining.force": True})
    assert ingest(open_run(old, places, "old snapshot"))["dataset"] == name
    with pytest.raises(UserError, match="no snapshot 'feedbeef'"):
        ingest(open_run(project.with_values({"data.snapshot": "feedbeef"}), places, "no snapshot"))
