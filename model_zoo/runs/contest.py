"""A run's candidate on trial: everything that the rules look at, put together."""

from __future__ import annotations

import hashlib
import json
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from model_zoo.data import snapshots
from model_zoo.data.dataset import Dataset, digest
from model_zoo.data.manifest import Manifest, read_manifest
from model_zoo.errors import UserError
from model_zoo.judging.contest import Contest, Side, not_comparable
from model_zoo.judging.looks import Look
from model_zoo.judging.metric import compared
from model_zoo.registry.client import RegistryUnavailable
from model_zoo.registry.judged_answers import (
    ANCHOR_TAG,
    PART_TAG,
    SERIES_TAG,
    decisions,
    read_answers,
)
from model_zoo.registry.run_files import fetch_run_file
from model_zoo.registry.versions import Version, get_version, list_versions
from model_zoo.runs import project_data
from model_zoo.runs.folder import Run
from model_zoo.runs.images import dataset_of, official_part
from model_zoo.runs.sides import Asker
from model_zoo.runs.slice_columns import columns
from model_zoo.settings import Project

#: Values by which two candidates of one recipe may differ.
SEEDS = ("data.seed", "training.seed")


@dataclass(frozen=True)
class Trial:
    """A contest, and what names it among others.

    Attributes:
        part: digest of the test part.
        series: key of the candidates that differ in their seed alone and are compared with the
            same production on the same snapshot; empty where that is not asked.
        anchor: the version that drift is measured from, once this candidate is in production.
    """

    contest: Contest
    part: str
    series: str
    anchor: str


def trial_of(run: Run, version: str, production: Version | None) -> Trial:
    """Ask candidate, production and anchor about the run's test images.

    Raises:
        UserError: the candidate's own files cannot be run.
    """
    dataset, test = dataset_of(run), official_part(run, "test")
    part = digest(test)
    asker = Asker(run, test, part, dataset.snapshot)
    known = {one.version: one for one in list_versions(run.store)}
    candidate = asker.side(known.get(version) or get_version(run.store, version))
    rival, unanswered = _asked_if_it_can(asker, production)
    anchor = _anchor(asker, production, rival)
    series = series_of(run.project, dataset, part, production)
    contest = Contest(
        settings=run.project.judging,
        truth=np.asarray(test.labels),
        images=test.images,
        candidate=candidate,
        production=rival,
        anchor=anchor,
        unanswered=unanswered,
        new=new_images(run, dataset, production),
        columns=columns(run.project.judging, dataset, test, lambda: _own_manifest(run, dataset)),
        look=look_of(run, known, version, part, series),
    )
    return Trial(contest, part, series, anchor_after(contest))


def new_images(run: Run, dataset: Dataset, production: Version | None) -> np.ndarray | None:
    """Which test images production's snapshot does not have, bool (N,); None: nobody knows."""
    if production is None:
        return None
    project_data.fetch(run.places.of(run.project.name))
    theirs = _manifest(run, production.tags.get("dataset_digest", ""), production.run_id)
    ours = _manifest(run, dataset.snapshot, "")
    if theirs is None or ours is None:
        return None
    known = set(theirs.digests)
    return np.array([ours.digests[row] not in known for row in ours.rows_of("test")], bool)


def _own_manifest(run: Run, dataset: Dataset) -> Manifest:
    """The run's own snapshot.

    Raises:
        UserError: it is gone.
    """
    project_data.fetch(run.places.of(run.project.name))
    found = _manifest(run, dataset.snapshot, "")
    if found is None:
        raise UserError(
            f"the snapshot {dataset.snapshot} of this run is gone: run its step `ingest` again"
        )
    return found


def _manifest(run: Run, name: str, mlflow_run: str) -> Manifest | None:
    """A snapshot as this home has it, or as a run in MLflow has."""
    path = snapshots.path_of(run.places.of(run.project.name).project_data, name)
    if path.exists():
        return read_manifest(path)
    if not mlflow_run:
        return None
    with tempfile.TemporaryDirectory(prefix="catwalk-") as folder:
        there = fetch_run_file(run.store, mlflow_run, f"data/{path.name}", Path(folder))
        return None if there is None else read_manifest(there)


def _asked_if_it_can(asker: Asker, version: Version | None) -> tuple[Side | None, str]:
    """A side, or why there is none."""
    if version is None:
        return None, ""
    try:
        return asker.side_or_record(version), ""
    except RegistryUnavailable:
        raise
    except UserError as error:
        return None, (
            f"version {version.version} is in production, but its file cannot be run and what it "
            f"answers is not recorded ({error}): nobody can tell whether this one is worse. Roll "
            "back or promote by hand"
        )


def _anchor(asker: Asker, production: Version | None, rival: Side | None) -> Side | None:
    """The best version that was in production, as production's tag says; else production."""
    if production is None or rival is None:
        return rival
    wanted = production.tags.get(ANCHOR_TAG, production.version)
    if wanted == production.version or "drift" not in asker.run.project.judging.rules:
        return rival
    try:
        return asker.side_or_record(get_version(asker.run.store, wanted))
    except RegistryUnavailable:
        raise
    except UserError:  # deleted, or its files are: drift is measured from what there is
        return rival


def anchor_after(contest: Contest) -> str:
    """The anchor once the candidate is in production: itself, if better with confidence."""
    own, anchor = contest.candidate.version, contest.anchor
    if contest.no_rival or anchor is None or not_comparable(contest.candidate, anchor):
        return own
    low = compared(contest, anchor).lower_bound(contest.settings.confidence)
    return own if low > 0 else anchor.version


def series_of(project: Project, dataset: Dataset, part: str, production: Version | None) -> str:
    """The key of a series, 16 hexadecimal digits; empty where production learned from others.

    On newer images a candidate need not be better, so that it spends nothing of the test part.
    """
    if production is None or production.tags.get("dataset_digest") != dataset.snapshot:
        return ""
    recipe = {name: str(one) for name, one in project.deciding().items() if name not in SEEDS}
    key = json.dumps([part, dataset.snapshot, production.version, recipe], sort_keys=True)
    return hashlib.sha256(key.encode()).hexdigest()[:16]


def look_of(run: Run, known: dict[str, Version], version: str, part: str, series: str) -> Look:
    """Which use of the test part this is, from the tags of all versions."""
    number = 1 + sum(decisions(one, part) for one in known.values())
    if not series:
        return Look(number)
    earlier = sorted(
        (one for one in known.values() if int(one.version) < int(version)),
        key=lambda one: int(one.version),
    )
    on_part = [one.tags.get(SERIES_TAG, "") for one in earlier if one.tags.get(PART_TAG) == part]
    all_series = list(dict.fromkeys(filter(None, on_part)))
    for one in reversed(earlier):
        if one.tags.get(SERIES_TAG) == series:
            kept = read_answers(run.store, one, part)
            if kept is not None:
                place = all_series.index(series) + 1
                return Look(number, place, kept.tries + 1, kept.series_right)
    return Look(number, len(all_series) + 1)  # new, or what it found is lost
