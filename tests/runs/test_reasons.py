"""A look at the source says in words whether there is a reason to retrain."""

from __future__ import annotations

import os
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from model_zoo.data.corrections import Limits, corrections_of
from model_zoo.data.corrections.store import said_of
from model_zoo.data.image_folder import source  # registers itself and its listing
from model_zoo.errors import UserError
from model_zoo.runs import project_data
from model_zoo.runs.reasons import look_for_a_reason, note_listing
from model_zoo.settings import Places, Project, load_project

FILE = """
schedule = "@weekly"
[data]
source = "image-folder"
images = "photos"
[retraining]
new_images = 3
"""


@pytest.fixture
def shop(
    small_environment: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[Project, Places]:
    """A project of twelve files that the last run has seen."""
    monkeypatch.delenv("CATWALK_DATA__SOURCE")
    monkeypatch.setenv("CATWALK_HOME", str(tmp_path / "home"))
    (tmp_path / "shop.toml").write_text(FILE)
    for number in range(12):
        arrive(tmp_path, number)
    project = load_project(str(tmp_path / "shop.toml"))
    places = Places.load().of("shop")
    note_listing(places, source.listing(project.data))
    return project, places


def arrive(folder: Path, number: int) -> Path:
    path = folder / "photos" / ("cat", "dog")[number % 2] / f"{number}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"not opened")
    return path


def test_nothing_or_little_new_is_no_reason(shop: tuple[Project, Places], tmp_path: Path) -> None:
    assert not look_for_a_reason(*shop).wanted
    arrive(tmp_path, 12)
    found = look_for_a_reason(*shop)
    assert (found.new, found.gone, found.wanted) == (1, 0, False)
    assert "1 new or changed images and 0 removed ones" in found.sentence
    assert "together fewer than 3 (retraining.new_images)" in found.sentence


def test_enough_that_came_or_changed_is_one_until_a_run_has_looked(
    shop: tuple[Project, Places], tmp_path: Path
) -> None:
    project, places = shop
    arrive(tmp_path, 12)
    arrive(tmp_path, 13)
    os.utime(arrive(tmp_path, 3), ns=(1, 1))  # other content under an old name
    arrive(tmp_path, 5).unlink()
    for _ in range(2):
        found = look_for_a_reason(project, places)
        assert (found.new, found.gone, found.wanted) == (3, 1, True)
    note_listing(places, source.listing(project.data))
    assert not look_for_a_reason(project, places).wanted


def test_before_the_first_run_and_at_a_source_without_files_nobody_is_called(
    shop: tuple[Project, Places], tmp_path: Path
) -> None:
    project, places = shop
    assert "has looked at its images yet" in look_for_a_reason(project, places.of("other")).sentence
    fixed = project.with_values({"data.source": "fashion-mnist"})
    assert "cannot be looked at without reading it" in look_for_a_reason(fixed, places).sentence


def test_decisions_on_corrections_count_with_images_at_any_source(
    shop: tuple[Project, Places], tmp_path: Path
) -> None:
    project, places = shop
    corrections = corrections_of("shop", places)
    image = np.zeros((8, 8), np.uint8)
    ids = []
    for value in range(3):
        said = said_of(image + value, "cat", "dog", 0.5, "1", image_shape=(8, 8, 1), preparation=())
        limits = Limits(an_hour=9, waiting=9, bytes=9)
        ids.append(corrections.send(image + value, said, ("cat", "dog"), "::1", limits).id)
    assert look_for_a_reason(project, places).decided == 0, "what waits for review is no reason"
    corrections.decide(ids[:2], "accepted")
    arrive(tmp_path, 12)
    found = look_for_a_reason(project, places)
    assert (found.new, found.decided, found.wanted) == (1, 2, True)
    assert "2 new decisions on corrections: together at least 3" in found.sentence
    fixed = project.with_values({"data.source": "fashion-mnist", "retraining.new_images": 2})
    assert look_for_a_reason(fixed, places).wanted
    corrections.decide(ids[:1], "rejected")
    assert look_for_a_reason(fixed, places).decided == 1


def test_a_source_that_is_gone_is_a_sentence(shop: tuple[Project, Places], tmp_path: Path) -> None:
    (tmp_path / "photos").rename(tmp_path / "elsewhere")
    with pytest.raises(UserError, match="photos: expected a folder of images"):
        look_for_a_reason(*shop)


def test_another_machine_knows_by_way_of_storage(
    shop: tuple[Project, Places], tmp_path: Path
) -> None:
    project, places = shop
    stored = places.model_copy(update={"storage": f"file://{tmp_path}/storage"})
    project_data.send(stored)
    elsewhere = stored.model_copy(update={"home": tmp_path / "another home"})
    project_data.fetch(elsewhere)
    assert look_for_a_reason(project, elsewhere).sentence == look_for_a_reason(*shop).sentence


def test_a_hundred_thousand_files_are_looked_at_in_seconds(shop: tuple[Project, Places]) -> None:
    project, places = shop
    many = {f"owl/{number}.png": "10 1" for number in range(100_000)}
    note_listing(places, many)
    started = time.process_time()
    assert look_for_a_reason(project, places).gone == 100_000
    assert time.process_time() - started < 3


class Events(dict[Any, Any]):
    """Airflow's accessor of what a task updates."""

    def __missing__(self, alias: Any) -> Any:
        self[alias] = SimpleNamespace(told=[])
        self[alias].add = lambda asset, extra: self[alias].told.append((asset, extra))
        return self[alias]


def test_the_asset_is_updated_with_the_reason_and_the_run_says_it(
    shop: tuple[Project, Places], tmp_path: Path
) -> None:
    # Not above, where each worker of pytest-xdist would import Airflow to find these tests.
    from launcher.airflow_steps.reasons import IngestOperator, look, outlet_of

    project, _ = shop
    events = Events()
    look(str(project.file), events)
    assert not events
    for number in (12, 13, 14):
        arrive(tmp_path, number)
    sentence = look(str(project.file), events)
    ((asset, extra),) = events[outlet_of(project)].told
    assert asset.uri == "catwalk://shop/retraining-wanted" and extra["reason"] == sentence
    ingest = IngestOperator(task_id="ingest", project=str(project.file))
    event = SimpleNamespace(extra=extra)
    run = SimpleNamespace(run_type="asset_triggered")
    context: Any = {"triggering_asset_events": {asset: [event]}, "dag_run": run}
    assert ingest.reason(context) == f"retraining was wanted: {sentence}"
    for kind, words in (("scheduled", "its timetable"), ("manual", "started by hand")):
        context = {"triggering_asset_events": {}, "dag_run": SimpleNamespace(run_type=kind)}
        assert ingest.reason(context) == words


def test_only_what_a_timetable_starts_is_watched(shop: tuple[Project, Places]) -> None:
    from launcher.airflow_steps.reasons import is_watched

    project, _ = shop
    assert is_watched(project)
    for name, value in (("schedule", "never"), ("retraining.new_images", 0)):
        assert not is_watched(project.with_values({name: value})), name
