"""What each step finds: small JSON-able facts, left in ``<run folder>/<step>.json``.

First their shapes, then how they are put together, each with its sentence.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, TypedDict

from model_zoo.data.dataset import Dataset
from model_zoo.data.source import LeftOut
from model_zoo.errors import UserError
from model_zoo.files import read_json
from model_zoo.registry.format_report import LEFT_OUT
from model_zoo.registry.versions import Version, content_of
from model_zoo.runs.folder import Run
from model_zoo.settings.judging import METRICS

if TYPE_CHECKING:
    from model_zoo.classifier import Head
    from model_zoo.health.findings import Health
    from model_zoo.judging.verdict import Verdict
    from model_zoo.registry.format_report import FormatReport
    from model_zoo.registry.promotion import Judged
    from model_zoo.training.checkpoint import Progress
    from model_zoo.tuning.space import Candidate


class Facts(TypedDict):
    """Of every step: one sentence; whoever ran it adds how long it took."""

    summary: str


class TimedFacts(Facts, total=False):
    step_seconds: float


class IngestFacts(TimedFacts):
    """``nothing_new``: why the run ends here; empty: it goes on. ``reason``: why it was started.
    ``joined``: images that people labelled; they come last in the training part."""

    dataset: str
    generated: bool
    origin: str
    nothing_new: str
    reason: str
    joined: int


class PreprocessFacts(TimedFacts):
    training: int
    validation: int
    test: int


class HealthFacts(TimedFacts):
    """``found``: images by kind of finding; ``warnings``: what matters, a sentence each."""

    found: dict[str, int]
    warnings: list[str]


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
    """``judged`` says by content what the verdict is about: ``candidate`` and ``production``."""

    passed: bool
    judged: dict[str, str]
    reasons: list[str]
    figures: dict[str, Any]
    version: str
    against: str | None
    report: str


class PromoteFacts(TimedFacts):
    promoted: bool
    why: str
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


def left_out_in_words(left_out: tuple[LeftOut, ...]) -> str:
    """How many files are in no part, after a sentence; empty: none."""
    broken = sum(one.broken for one in left_out)
    ruled = len(left_out) - broken
    words = [f"{broken:,} broken"] * bool(broken) + [f"{ruled:,} by rule"] * bool(ruled)
    return f"; left out {' and '.join(words)}" if words else ""


def of_the_split(
    dataset: Dataset, training: int, validation: int, test: int, found: dict[str, Any]
) -> PreprocessFacts:
    """How many images there are of each part, and what the checks ``found``."""
    return found | {  # type: ignore[return-value]
        "training": training,
        "validation": validation,
        "summary": f"{training:,} images to train, {validation:,} to validate, {test:,} to test; "
        f"{found['test_images_in_train']} in both; digest {dataset.snapshot}",
    }


def of_the_health(health: Health) -> HealthFacts:
    """How many images each finding has."""
    warned = health.of("warn")
    titles = ", ".join(one.title.lower() for one in warned)
    return {
        "found": {one.kind: one.found for one in health.findings},
        "warnings": [one.sentence for one in warned],
        "summary": health.summary + (f"; look at: {titles}" if warned else ""),
    }


def without_a_search(head: Head, precision: str) -> TuneFacts:
    """The settings' own head is taken."""
    return {
        "head": head.as_dict(),
        "changed": {},
        "trials": [],
        "precision": precision,
        "importance": {},
        "summary": f"no search: {head.in_words()}",
    }


def of_the_search(
    best: Candidate, trials: list[dict[str, Any]], importance: dict[str, float], precision: str
) -> TuneFacts:
    """The best candidate; ``trials`` with the best first."""
    reached = next(value for name, value in trials[0].items() if name.startswith("val_"))
    also = "".join(f", {name} {value:.2g}" for name, value in best.changed.items())
    return {
        "head": best.head.as_dict(),
        "changed": best.changed,
        "trials": trials,
        "precision": precision,
        "importance": importance,
        "summary": f"best of {len(trials)} trials: {reached:.2%} with {best.head.in_words()}{also}",
    }


def of_the_training(progress: Progress, parameters: int, metric: str) -> TrainFacts:
    """How training went; ``metric`` is what its best epoch is best in."""
    of = "" if metric == "accuracy" else f"{METRICS[metric]} "
    best, early = progress.best_epoch + 1, ", stopped early" if progress.stopped_early else ""
    return {
        "epochs": progress.epoch,
        "best_epoch": best,
        "stopped_early": progress.stopped_early,
        "resumed": progress.resumed,
        "seconds": round(progress.seconds, 1),
        "val_accuracy": progress.best_accuracy,
        "history": progress.history,
        "parameters": parameters,
        "summary": f"validation {of}{progress.best_value:.2%} at epoch {best} of "
        f"{progress.epoch}{early}",
    }


def of_the_evaluation(measured: dict[str, Any]) -> EvaluateFacts:
    """The scores of the test set."""
    return measured | {  # type: ignore[return-value]
        "summary": f"test accuracy {measured['accuracy']:.2%} (95 % interval "
        f"{measured['accuracy_low']:.2%} to {measured['accuracy_high']:.2%}), balanced accuracy "
        f"{measured['balanced_accuracy']:.2%}, macro F1 {measured['macro_f1']:.2%}",
    }


def of_the_registration(model: str, version: str, reports: list[FormatReport]) -> RegisterFacts:
    """The version, and which formats it has; the first report is that of the ONNX file."""
    difference = reports[0].largest_difference
    attached = sum(one.attached for one in reports)
    refused = [
        f"; {one.format} not attached: {one.reason}"
        for one in reports
        if not one.attached and one.reason != LEFT_OUT
    ]
    return {
        "version": version,
        "onnx_difference": float(difference or 0),
        "formats": [one.as_dict() for one in reports],
        "summary": f"version {version} of {model} is the candidate; ONNX agrees with Keras to "
        f"{difference:.1g}; {attached} formats{''.join(refused)}",
    }


def of_the_verdict(verdict: Verdict, judged: Judged) -> GateFacts:
    """What the gate said; the report is Markdown. Figures of single classes are in the verdict."""
    return {
        "passed": verdict.passed,
        "reasons": verdict.reasons,
        "figures": {
            rule: {name: one for name, one in figures.items() if not isinstance(one, list)}
            for rule, figures in verdict.figures.items()
        },
        "version": verdict.version,
        "against": verdict.against,
        "report": verdict.markdown(),
        "judged": asdict(judged),
        "summary": f"{'passed' if verdict.passed else 'not passed'}: {'; '.join(verdict.reasons)}",
    }


def of_the_same_model(run: Run, candidate: Version, production: Version) -> GateFacts:
    """The candidate is what is in production: the verdict that brought it there stands, or there
    is nothing to judge."""
    path = run.folder / "gate.json"
    content = content_of(candidate)
    if path.exists():
        kept: GateFacts = read_json(path)
        if kept["judged"]["candidate"] == content and kept["passed"]:
            return kept
    reason = (
        "in production already, where somebody put it before it was judged"
        if candidate.version == production.version and "gate" not in candidate.tags
        else f"the same model as version {production.version}, which is in production"
    )
    return {
        "passed": False,
        "reasons": [reason],
        "figures": {},
        "version": candidate.version,
        "against": production.version,
        "report": f"### Version {candidate.version}\n\nNothing to judge: it is {reason}.",
        "judged": {"candidate": content, "production": content},
        "summary": f"nothing to judge: {reason}",
    }


def of_the_promotion(
    verdict: GateFacts, promoted: bool, production: Version | None, why: str
) -> PromoteFacts:
    """Where the version stands now, and why."""
    version = verdict["version"]
    return {
        "promoted": promoted,
        "version": version,
        "production": production.version if production else None,
        "why": why,
        "summary": f"production is version {version}" if promoted else why,
    }
