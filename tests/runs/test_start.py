"""Where a run begins: with production's weights if they fit, else anew, and it says why."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace

import pytest
from first_run import FirstRun

from model_zoo.errors import UserError
from model_zoo.files import read_json
from model_zoo.registry.lineage import lineage_here
from model_zoo.registry.store import Store
from model_zoo.registry.versions import content_of, find_alias, get_version
from model_zoo.runs import start
from model_zoo.runs.folder import Run, open_run
from model_zoo.runs.images import dataset_of
from model_zoo.runs.steps import search_share, tune
from model_zoo.settings import Places, Project


@pytest.fixture
def begin(project: Project, places: Places, first_run: FirstRun) -> Callable[..., Run]:
    """A run in which `ingest` was done, with some values that are others."""

    def made(name: str, **changed: object) -> Run:
        values = {"training.start": "production"} | {
            key.replace("__", "."): value for key, value in changed.items()
        }
        run = open_run(project.with_values(values), places, name)
        shutil.copy(first_run.folder / "ingest.json", run.folder)
        return run

    return made


def test_it_goes_on_from_production_with_its_head_at_a_lower_rate_and_without_a_search(
    begin: Callable[..., Run], store: Store, first_run: FirstRun
) -> None:
    run = begin("goes on")
    found = start.decide(run, dataset_of(run))
    production = find_alias(store, "production")
    assert production is not None
    assert (found.version, found.content) == (production.version, content_of(production))
    assert "Training goes on from version 1, with its head: dense " in found.sentence
    here = lineage_here(run.project, "shirts", "aa", None, found.started)
    assert here.tags()["started_from"] == "1" and here.start_content == found.content
    known = start.start_of(run)
    assert known is not None and known.file.exists()
    head = first_run.facts["tune"]["head"]
    searched = run.project.with_values({"training.learning_rate": None})
    facts = tune(replace(run, project=searched))
    slower = head | {"learning_rate": start.SLOWER * head["learning_rate"]}
    assert facts["head"] == pytest.approx(slower) and facts["trials"] == []
    assert search_share(run, 1, 2)["trials"] == 0
    fixed = replace(run, project=run.project.with_values({"training.learning_rate": 0.5}))
    assert start.head_of_start(fixed).learning_rate == 0.5


def test_what_was_decided_stands_whatever_is_promoted_meanwhile(begin: Callable[..., Run]) -> None:
    run = begin("decided")
    found = start.decide(run, dataset_of(run))
    elsewhere = replace(run, project=run.project.with_values({"model.backbone": "resnet50"}))
    assert start.decide(elsewhere, dataset_of(run)) == found


def test_a_version_that_does_not_fit_is_a_sentence_and_a_start_anew(
    begin: Callable[..., Run], project: Project, places: Places
) -> None:
    for changed, why in (
        ({"model__backbone": "resnet50"}, "in production has model.backbone = "),
        ({"model__image_size": 64}, "this run has 64"),
    ):
        run = begin(f"anew {changed}", **changed)
        found = start.decide(run, dataset_of(run))
        assert found.version == "" and start.start_of(run) is None
        assert "Training starts anew: version 1" in found.sentence and why in found.sentence
    run = begin("other classes")
    others = replace(dataset_of(run), labels=("cat", "dog"))
    assert "knows none of these classes" in start.decide(run, others).sentence
    run = begin("pretrained", training__start="pretrained")
    assert start.decide(run, dataset_of(run)).sentence == "", "nobody asked for more"


def test_new_and_removed_classes_are_told(begin: Callable[..., Run]) -> None:
    run = begin("grown")
    dataset = dataset_of(run)
    grown = replace(dataset, labels=("cape", *dataset.labels[1:]))
    found = start.decide(run, grown)
    assert found.sentence.endswith("; new classes: 1; classes that are gone: 1")


def test_a_damaged_file_is_no_start(
    begin: Callable[..., Run], store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetch = start.fetch_served_files

    def damaged(store: Store, version: str, folder: object, names: tuple[str, ...]) -> None:
        fetch(store, version, folder, names)  # type: ignore[arg-type]
        (folder / start.KERAS).write_bytes(b"other bytes")  # type: ignore[operator]

    monkeypatch.setattr(start, "fetch_served_files", damaged)
    run = begin("damaged")
    found = start.decide(run, dataset_of(run))
    assert found.version == "" and "is damaged or was swapped" in found.sentence


def test_a_version_that_is_made_again_begins_where_it_began(
    begin: Callable[..., Run], store: Store
) -> None:
    run = begin("again")
    start.keep(run, "1", content_of(get_version(store, "1")))
    assert read_json(run.folder / start.NOTE)["version"] == "1"
    assert start.decide(run, dataset_of(run)).version == "1"
    with pytest.raises(UserError, match="which is another model today"):
        start.keep(begin("of another"), "1", "another content")
    anew = begin("anew again")
    start.keep(anew, "", "")
    assert start.decide(anew, dataset_of(anew)).version == "", "though production is there"
