"""What each step finds: small JSON-able facts, left in ``<run folder>/<step>.json``."""

from __future__ import annotations

from typing import Any, TypedDict

from model_zoo.errors import UserError
from model_zoo.files import read_json
from model_zoo.runs.folder import Run


class Facts(TypedDict):
    """Of every step: one sentence; whoever ran it adds how long it took."""

    summary: str


class TimedFacts(Facts, total=False):
    step_seconds: float


class IngestFacts(TimedFacts):
    dataset: str
    generated: bool
    origin: str


class PreprocessFacts(TimedFacts):
    training: int
    validation: int
    test: int


class ShareFacts(TimedFacts):
    trials: int


class TuneFacts(TimedFacts):
    """``head`` for the classifier, ``changed`` for values beyond it that were searched, by their
    dotted names; ``precision`` is decided."""

    head: dict[str, Any]
    changed: dict[str, Any]
    trials: list[dict[str, Any]]
    precision: str
    importance: dict[str, float]


class TrainFacts(TimedFacts):
    epochs: int
    best_epoch: int
    stopped_early: bool
    resumed: int
    seconds: float
    val_accuracy: float
    history: list[dict[str, float]]
    parameters: int


class EvaluateFacts(TimedFacts):
    """And everything that ``evaluation.metrics.score`` gives."""

    accuracy: float
    accuracy_low: float
    accuracy_high: float
    images: int
    per_class: list[dict[str, Any]]
    temperature: float


class RegisterFacts(TimedFacts):
    version: str
    onnx_difference: float
    formats: list[dict[str, Any]]


class GateFacts(TimedFacts):
    passed: bool
    reasons: list[str]
    figures: dict[str, Any]
    version: str
    against: str | None
    report: str


class PromoteFacts(TimedFacts):
    promoted: bool
    version: str
    production: str | None


def facts_of(run: Run, step: str) -> Any:
    """What an earlier step of this run found: the dictionary of that step above.

    Raises:
        UserError: that step has not been run.
    """
    path = run.folder / f"{step}.json"
    if not path.exists():
        raise UserError(f"run {run.name}: run the step {step!r} first ({path.name} is missing)")
    return read_json(path)
