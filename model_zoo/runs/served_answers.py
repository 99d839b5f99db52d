"""What the registered files answer on the test images: what the gate judges, on both sides."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from model_zoo.data.dataset import Images
from model_zoo.errors import UserError
from model_zoo.predictor.trial import NotServable, Trial, probabilities_of
from model_zoo.registry.run_files import fetch_run_file
from model_zoo.registry.test_set_record import PREDICTIONS_FILE
from model_zoo.registry.versions import Version
from model_zoo.runs.facts import facts_of
from model_zoo.runs.folder import Run


@dataclass(frozen=True)
class Answers:
    """Of one version on the test images.

    Attributes:
        probabilities: float (N, classes), calibrated.
        trial: how its file loaded; None for answers that were recorded when it was evaluated.
        note: a sentence about where they come from, if that is not the served file.
    """

    probabilities: np.ndarray
    trial: Trial | None
    note: str = ""

    def right(self, labels: np.ndarray) -> np.ndarray:
        """bool (N,): the most likely class is the true one."""
        return np.asarray(self.probabilities.argmax(axis=1) == labels)


def answers_of_candidate(run: Run, version: Version, test: Images) -> Answers:
    """By its registered file.

    Raises:
        NotServable: it cannot be served, so there is nothing to judge.
    """
    found, trial = probabilities_of(run.store, run.serving, run.places, version, test.images)
    return Answers(found, trial)


def answers_of_production(run: Run, production: Version, test: Images) -> Answers:
    """By its registered file; by what its run recorded where the file is gone or damaged.

    Raises:
        UserError: neither is there.
    """
    try:
        return answers_of_candidate(run, production, test)
    except NotServable as error:
        recorded = _recorded(run, production, test)
        if recorded is None:
            raise UserError(
                f"nothing can be judged against production: {error}; and its run has no "
                "predictions for these test images. `catwalk rollback`, or `catwalk promote` a "
                "version by hand"
            ) from None
        note = f"production is judged by its recorded predictions, as {error}"
        return Answers(recorded, None, note)


def right_answers_of(
    run: Run, production: Version | None, test: Images, generated: bool
) -> tuple[np.ndarray | None, str]:
    """Which of the test images production is right about, bool (N,), and a note on how that is
    known; None when there is no production.

    Args:
        generated: the candidate learned from generated images. Where only one of the two did, the
            images are not production's own: none of its answers counts as right.
    """
    if production is None:
        return None, ""
    if generated != production.generated:
        return np.zeros(len(test.labels), bool), ""
    found = answers_of_production(run, production, test)
    return found.right(test.labels), found.note


def _recorded(run: Run, production: Version, test: Images) -> np.ndarray | None:
    """Probabilities (N, classes) that its run left for the very same test images, if it did."""
    with tempfile.TemporaryDirectory(prefix="catwalk-") as folder:
        found = fetch_run_file(run.store, production.run_id, PREDICTIONS_FILE, Path(folder))
        if found is None:
            return None
        with np.load(found) as stored:
            labels, probabilities = stored["labels"], stored["probabilities"]
    same = production.tags.get("dataset_digest") == _snapshot(run)
    if not same or not np.array_equal(labels, test.labels):
        return None
    return np.asarray(probabilities, np.float64)


def _snapshot(run: Run) -> str:
    return str(facts_of(run, "ingest")["dataset"])
