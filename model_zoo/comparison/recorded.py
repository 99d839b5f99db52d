"""What a version answered to its test images, as its run has it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from model_zoo.errors import UserError
from model_zoo.judging.corrupted import Corrupted
from model_zoo.registry.judged_answers import Answers
from model_zoo.registry.version_report import VersionReport, VersionReports


@dataclass(frozen=True)
class Recorded:
    """One version on the test images that it was judged on.

    Attributes:
        labels: its classes, in the order of its own numbers.
        truth, predicted: integers (N,), of its own numbers.
        probabilities: float16 (N, its classes), calibrated.
        digests: uint8 (N, 16), of the images.
        served: the format of the file that answered; empty: the model that was evaluated.
        corrupted: its answers on corrupted images; None where nobody asked.
        report: everything else that is known of it.
    """

    labels: tuple[str, ...]
    truth: np.ndarray
    predicted: np.ndarray
    probabilities: np.ndarray
    digests: np.ndarray
    served: str
    corrupted: Corrupted | None
    report: VersionReport

    @property
    def version(self) -> str:
        return self.report.version


def recorded_of_both(
    reports: VersionReports, first: str, second: str
) -> tuple[Recorded, Recorded, list[str]]:
    """Two versions, and what has to be said of how they answered.

    What served files answered at the gate is taken where both did so in one format, else what the
    evaluated models answered: a model is not compared with a smaller file of another one.

    Raises:
        UserError: a version is unknown, its answers are not recorded, or MLflow is away.
    """
    evaluated = [_evaluated(reports, version) for version in (first, second)]
    answers = [_at_the_gate(reports, one) for one in evaluated]
    formats = {found.served for found in answers if found is not None}
    if None not in answers and len(formats) == 1:
        a, b = (_served(*both) for both in zip(evaluated, answers, strict=True))
        return a, b, []
    a, b = evaluated
    if not formats:
        return a, b, ["no file of either was judged by the gate: compared as they were evaluated"]
    return (
        a,
        b,
        [
            "their served files were not both judged in one format: compared as the models that "
            "were evaluated answered"
        ],
    )


def _evaluated(reports: VersionReports, version: str) -> Recorded:
    report = reports.report(version)
    found = reports.predictions(report)
    if found is None or "evaluation" not in report.tables:
        raise UserError(
            f"what version {version} answered to its test images is not recorded on its run in "
            "MLflow, so it cannot be compared. A new run registers a version that can"
        )
    return Recorded(
        labels=tuple(str(one["label"]) for one in report.tables["evaluation"]["per_class"]),
        truth=found.labels,
        predicted=found.predicted,
        probabilities=found.probabilities,
        digests=found.digests,
        served="",
        corrupted=None,
        report=report,
    )


def _at_the_gate(reports: VersionReports, evaluated: Recorded) -> Answers | None:
    found = reports.answers(evaluated.report)
    if found is None or len(found.predicted) != len(evaluated.truth):
        return None  # of another run's test images
    return found


def _served(evaluated: Recorded, answers: Answers | None) -> Recorded:
    assert answers is not None
    names = [str(name) for name in answers.corruptions]
    tried = dict(zip(names, answers.corrupted_predicted, strict=True))
    return replace(
        evaluated,
        predicted=answers.predicted,
        probabilities=answers.probabilities,
        served=answers.served,
        corrupted=Corrupted(answers.corrupted_members, tried) if tried else None,
    )
