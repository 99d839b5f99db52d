"""Make a version again from what it recorded, and say what differs.

The same images (by their snapshot), the same settings; whether the code, the packages and the
machine are the same is said. A run that was killed goes on where it was, as every other.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from model_zoo.data import store as data_store
from model_zoo.errors import UserError
from model_zoo.files import write_json
from model_zoo.registry import lineage
from model_zoo.registry.lineage import Lineage
from model_zoo.registry.run_files import fetch_run_file
from model_zoo.registry.served_files import (
    FACTS,
    FACTS_TAG,
    MODEL,
    fetch_served_files,
    read_facts,
    sha256,
)
from model_zoo.registry.store import Store
from model_zoo.registry.test_set_record import PREDICTIONS_FILE
from model_zoo.registry.versions import Version
from model_zoo.runs import run_records as records
from model_zoo.runs import start
from model_zoo.runs.facts import facts_of
from model_zoo.runs.folder import Run, open_run
from model_zoo.runs.images import dataset_of, official_part
from model_zoo.settings import Places, Project, load_project

#: The steps that make a model; what comes after them would register and judge it.
MAKING = ("preprocess", "tune", "train", "evaluate")
MOST_NAMED = 12  # packages in one sentence
RunStep = Callable[[str, Project, Places, str], Any]


@dataclass(frozen=True)
class Recorded:
    """What a version kept: where it came from, its files' digests, its answers on the test set."""

    lineage: Lineage
    digests: dict[str, str]
    predicted: np.ndarray | None


def recorded(store: Store, version: Version) -> Recorded:
    """What a version kept of how it was made.

    Raises:
        UserError: it has no lineage.
    """
    with tempfile.TemporaryDirectory(prefix="catwalk-") as name:
        folder = Path(name)
        path = fetch_run_file(store, version.run_id, lineage.FILE, folder)
        if path is None:
            raise UserError(
                f"version {version.version} did not record what it was made from ({lineage.FILE} "
                "is missing on its run): it cannot be made again"
            )
        origin = Lineage.of(json.loads(path.read_text()))
        fetch_served_files(store, version.version, folder, (FACTS,))
        digests = read_facts(folder, version.tags.get(FACTS_TAG))["sha256"]
        answers = fetch_run_file(store, version.run_id, PREDICTIONS_FILE, folder)
        predicted = None
        if answers is not None:
            with np.load(answers) as stored:
                predicted = np.array(stored["predicted"])
    return Recorded(origin, digests, predicted)


def project_of(project: Project, origin: Lineage, places: Places) -> Project:
    """The project with every value that decided the version, whatever its file says today."""
    given = origin.settings | {"retraining.force": True}  # the same again is what is asked for
    return load_project(str(project.file), given, places)


def make_again(
    project: Project,
    places: Places,
    origin: Lineage,
    run_name: str,
    run_step: RunStep,
    say: Callable[[str], None],
) -> Run:
    """Run the steps that make the model; those that are done already are not run again.

    Args:
        project: as :func:`project_of` gives it.
    """
    run = open_run(project, places, run_name)
    ingested = run.folder / "ingest.json"
    if not ingested.exists():
        if (places.datasets_dir / origin.snapshot).is_dir():
            dataset = data_store.describe(places.datasets_dir, origin.snapshot)
            facts = {
                "dataset": dataset.snapshot,
                "generated": dataset.generated,
                "origin": dataset.origin,
                "nothing_new": "",
                "reason": "a version is made again",
                "summary": f"{dataset.name}: {dataset.origin}, as it was kept",
                "step_seconds": 0.0,
            }
            write_json(ingested, facts)
        else:
            run_step("ingest", project, places, run_name)
    start.keep(run, origin.start, origin.start_content)
    for step in MAKING:
        if not (run.folder / f"{step}.json").exists():
            run_step(step, project, places, run_name)
        say(f"{step}: {facts_of(run, step)['summary']}")
    return run


def differences(before: Recorded, run: Run) -> list[str]:
    """A sentence for each thing that was looked at: whether it is the same, or what differs."""
    dataset = dataset_of(run)
    here = lineage.lineage_here(run.project, dataset.name, dataset.snapshot)
    now = records.predicted(run)
    return [
        *of_origin(before.lineage, here),
        of_answers(before.predicted, now),
        _of_the_file(before.digests.get(MODEL, ""), run),
    ]


def of_origin(before: Lineage, here: Lineage) -> list[str]:
    """Images, code, packages and machine, then and now."""
    lines = [
        _same_or("images", f"snapshot {before.snapshot}", f"snapshot {here.snapshot}"),
        _same_or("code", f"commit {before.commit}", f"commit {here.commit}"),
        _same_or("machine", before.machine, here.machine),
        _same_or("Python", before.python, here.python),
    ]
    changed = [
        f"{name} {before.packages.get(name, 'absent')} -> {here.packages.get(name, 'absent')}"
        for name in sorted({*before.packages, *here.packages})
        if before.packages.get(name) != here.packages.get(name)
    ]
    if changed:
        more = f" and {len(changed) - MOST_NAMED} more" if len(changed) > MOST_NAMED else ""
        lines.append(f"packages DIFFER: {', '.join(changed[:MOST_NAMED])}{more}")
    else:
        lines.append(f"packages are the same, all {len(here.packages)}")
    return lines


def of_answers(before: np.ndarray | None, now: np.ndarray) -> str:
    """On how many test images the class is another one; both integers (N,)."""
    if before is None:
        return "answers cannot be compared: the version's run has no predictions"
    if len(before) != len(now):
        return f"answers DIFFER: {len(before)} test images then, {len(now)} now"
    other = int((before != now).sum())
    if not other:
        return f"answers are the same on all {len(now):,} test images"
    return f"answers DIFFER on {other:,} of {len(now):,} test images"


def _of_the_file(before: str, run: Run) -> str:
    """Export the model again and compare the file that is served, bit for bit."""
    import keras

    from model_zoo.explanation.grad_cam import explained
    from model_zoo.export.check import COMPARED, Expected
    from model_zoo.export.onnx import export_onnx

    model = keras.models.load_model(run.folder / "model.keras", compile=False)
    test = official_part(run, "test")
    probabilities = model.predict(test.images[:COMPARED], verbose=0)
    path = run.folder / "served" / MODEL
    expected = Expected(test, probabilities, records.predicted(run))
    export_onnx(explained(model), path, expected)
    return _same_or(MODEL, f"SHA-256 {before}", f"SHA-256 {sha256(path)}")


def _same_or(what: str, before: str, now: str) -> str:
    if before == now:
        return f"{what}: the same, {now}"
    return f"{what} DIFFERS: {before} then, {now} now"
