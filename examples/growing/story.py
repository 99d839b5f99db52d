"""Month by month: pictures arrive, the watch looks, a run starts or does not, the gate decides.

What runs are the steps of `catwalk run`, in its order, each in a process of its own. What a month
came to is a file; a story that was killed goes on with the month, and the step, in which it was.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from examples.growing.months import Month, Picture, Told, arrive
from launcher import step_process
from model_zoo.data import snapshots, store
from model_zoo.files import read_json, write_json
from model_zoo.predictor import load_classifier
from model_zoo.registry.store import store_of
from model_zoo.registry.versions import find_alias
from model_zoo.runs.reasons import look_for_a_reason
from model_zoo.runs.runner import run_all
from model_zoo.settings import Places, Project, Serving

Say = Callable[[str], None]
#: Runs one step: its name, project, places, the run's name, what started the run.
RunStep = Callable[[str, Project, Places, str, str], dict[str, Any]]
#: A version's number, pixels uint8 (N, h, w, 3), classes by name -> how many it has right.
Right = Callable[[str, np.ndarray, list[str]], int]
FIRST = "the first run, started by hand"
TIMETABLE = "its timetable"


def in_a_process(
    step: str, project: Project, places: Places, run: str, reason: str
) -> dict[str, Any]:
    """A step as `catwalk run` runs it."""

    def quietly(line: str) -> None:
        """It is all in the run's ``steps.log``."""

    return step_process.run_step(
        step, project, places, run, {}, quietly, speak_every=None, reason=reason
    )


def tell(
    months: Iterable[Month],
    project: Project,
    places: Places,
    say: Say = print,
    run_step: RunStep = in_a_process,
    right: Right | None = None,
) -> list[Told]:
    """Live through the months; what was lived through before is read.

    Args:
        project: its pictures lie in ``data.images``.
        right: how many pictures a version has right; by default the file that it serves is asked.

    Raises:
        UserError: as the steps.
    """
    right = right or partial(right_answers, project, places)
    told: list[Told] = []
    arrived: list[Picture] = []
    for month in months:
        arrived += month.pictures
        path = places.home / "story" / f"month-{month.number}.json"
        if not path.exists():
            arrive(arrived, Path(project.data.images))
            one = _watched(month, project, places, path.with_suffix(".watch.json"))
            say(f"Month {month.number}: {one.watch}")
            if one.reason:
                facts = _run(one, project, places, say, run_step)
                if not one.nothing_new:
                    _judge(one, facts, told, places, right)
            write_json(path, asdict(one))
        told.append(Told(**read_json(path)))
    return told


def _watched(month: Month, project: Project, places: Places, path: Path) -> Told:
    """What the hourly look says before a run; kept, as the run changes what it would say."""
    if not path.exists():
        found = look_for_a_reason(project, places)
        reason = found.sentence if found.wanted else TIMETABLE if month.timetable else ""
        if month.number == 1:
            reason = FIRST
        production = find_alias(store_of(project, places), "production")
        one = Told(month.number, len(month.pictures), found.sentence, reason)
        one.before = production.version if production else ""
        write_json(path, asdict(one))
    return Told(**read_json(path))


def _run(
    one: Told, project: Project, places: Places, say: Say, run_step: RunStep
) -> dict[str, dict[str, Any]]:
    """A run of the workflow; its facts by step."""
    facts: dict[str, dict[str, Any]] = {}

    def on_step(step: str, found: dict[str, Any]) -> None:
        facts[step] = found
        say(f"  {step}: {found['summary']}")

    started, processor = time.monotonic(), _processor_seconds()
    step = partial(_with_reason, run_step, one.reason)
    run_all(project, places, f"month-{one.month}", on_step, step)
    one.seconds = round(time.monotonic() - started, 1)
    one.processor_seconds = round(_processor_seconds() - processor, 1)
    one.snapshot, one.nothing_new = facts["ingest"]["dataset"], facts["ingest"]["nothing_new"]
    one.images = len(snapshots.read(places.project_data, one.snapshot))
    one.after = one.before
    return facts


def _judge(
    one: Told, facts: dict[str, dict[str, Any]], told: list[Told], places: Places, right: Right
) -> None:
    """What the gate said, and what production makes of the new pictures before and after."""
    one.candidate, one.verdict = facts["gate"]["version"], facts["gate"]["summary"]
    one.promoted, one.after = facts["promote"]["promoted"], facts["promote"]["production"] or ""
    earlier = next((month.snapshot for month in reversed(told) if month.snapshot), "")
    images, labels = new_test_images(places, one.snapshot, earlier)
    one.tested = len(labels)
    if labels:
        one.right_before = right(one.before, images, labels) if one.before else None
        one.right_after = right(one.after, images, labels) if one.after else None


def _with_reason(
    run_step: RunStep, reason: str, step: str, project: Project, places: Places, run: str
) -> dict[str, Any]:
    return run_step(step, project, places, run, reason)


def new_test_images(places: Places, snapshot: str, earlier: str) -> tuple[np.ndarray, list[str]]:
    """Test images that another snapshot lacks: pixels uint8 (N, h, w, 3), and classes by name."""
    here = snapshots.read(places.project_data, snapshot)
    known = set(snapshots.read(places.project_data, earlier).digests) if earlier else set()
    rows = here.rows_of("test")
    new = np.array([here.digests[row] not in known for row in rows], bool)
    test = store.load(places.datasets_dir, snapshot, "test")
    return np.asarray(test.images[np.flatnonzero(new)]), [here.labels[row] for row in rows[new]]


def right_answers(
    project: Project, places: Places, version: str, images: np.ndarray, labels: list[str]
) -> int:
    """How many images a version has right."""
    classifier = load_classifier(
        store_of(project, places), Serving.load(), places.cache_dir, version
    )
    answers = classifier.probabilities(images).argmax(axis=1)
    return sum(
        classifier.labels[answer] == label for answer, label in zip(answers, labels, strict=True)
    )


def _processor_seconds() -> float:
    """Of this process and of all that it has waited for."""
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in used)
