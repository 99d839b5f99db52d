"""The workflow's steps, in the order in which they run; open this file to understand Catwalk.

A step is a function from a run to facts: small, JSON-able, also left in
``<run folder>/<step>.json``. Steps hand each other files in the run's folder and facts, never
arrays. Each can be killed at any moment and run again: it then continues or redoes its part.

What runs them, one by one or all, is `runner.py`; what is logged where stands in `run_records.py`.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from typing import Any

import numpy as np

from model_zoo.data import store as data_store
from model_zoo.data.checks import validate
from model_zoo.data.source import SOURCES
from model_zoo.data.split import stratified_split
from model_zoo.registry import promotion, versions
from model_zoo.runs import run_records as records
from model_zoo.runs.facts import (
    EvaluateFacts,
    GateFacts,
    IngestFacts,
    PreprocessFacts,
    PromoteFacts,
    RegisterFacts,
    ShareFacts,
    TrainFacts,
    TuneFacts,
    facts_of,
)
from model_zoo.runs.folder import Run
from model_zoo.runs.images import dataset_of, keep_split, official_part, training_and_validation


def ingest(run: Run) -> IngestFacts:
    """Have the project's source find the images, and keep them under their digest."""
    source = SOURCES.get(run.project.data.source)
    found = source(run.project.data, run.places, say)
    dataset = data_store.keep(found, run.places.datasets_dir)
    return {
        "dataset": dataset.snapshot,
        "generated": dataset.generated,
        "origin": dataset.origin,
        "summary": f"{dataset.name}: {dataset.origin}",
    }


def preprocess(run: Run) -> PreprocessFacts:
    """Validate the dataset, split off validation images, log a page of samples."""
    dataset, data = dataset_of(run), run.project.data
    images, test = official_part(run, "training"), official_part(run, "test")
    found = validate(dataset, images, test)
    training, validation = stratified_split(
        images.labels, data.validation_share, data.seed, data.train_limit
    )
    keep_split(run, training, validation)
    records.log_data(run, dataset, images, training, validation, test, found)
    return found | {  # type: ignore[return-value]
        "training": len(training),
        "validation": len(validation),
        "summary": f"{len(training):,} images to train, {len(validation):,} to validate, "
        f"{len(test):,} to test; {found['test_images_in_train']} in both; "
        f"digest {dataset.snapshot}",
    }


def search_share(run: Run, share: int, shares: int) -> ShareFacts:
    """Run every ``shares``-th trial of a random search; `tune` takes up what is found."""
    from model_zoo.tuning import run_share

    folder = run.folder / "tuning" / f"share-{share}"
    data = training_and_validation(run)
    ran = run_share(run.project, run.places, dataset_of(run), *data, folder, share, shares, say)
    return {"trials": ran, "summary": f"share {share} of {shares} ran {ran} trials"}


def tune(run: Run) -> TuneFacts:
    """Search head and learning rate; with no trials asked for, take the settings' own."""
    from model_zoo.classifier import head_from
    from model_zoo.tuning import search
    from model_zoo.tuning.summary import importance

    dataset = dataset_of(run)
    precision = decided_precision(run, dataset)
    project = run.project.with_values({"training.precision": precision})
    if not project.search.trials:
        head = head_from(project.model, project.training)
        changed: dict[str, Any] = {}
        trials: list[dict[str, Any]] = []
        summary = f"no search: {head.in_words()}"
    else:
        train, validation = training_and_validation(run)
        with records.parent_run_without_old_trials(run) as parent:
            best, trials = search(
                project, run.places, dataset, train, validation, run.folder / "tuning", parent, say
            )
            records.log_search(trials, project.training.seed)
        head, changed = best.head, best.changed
        also = "".join(f", {name} {value:.2g}" for name, value in changed.items())
        summary = (
            f"best of {len(trials)} trials: {trials[0]['val_accuracy']:.2%} with "
            f"{head.in_words()}{also}"
        )
    return {
        "head": head.as_dict(),
        "changed": changed,
        "trials": trials,
        "precision": precision,
        "importance": importance(trials, project.training.seed) if trials else {},
        "summary": summary,
    }


def train(run: Run) -> TrainFacts:
    """Train the backbone with the head that the search found, from the last checkpoint if any."""
    from model_zoo.classifier import Head
    from model_zoo.files import complete_or_absent
    from model_zoo.training.features import FeatureCache
    from model_zoo.training.phases import train_classifier

    found: TuneFacts = facts_of(run, "tune")
    head = Head(**found["head"])
    project = run.project.with_values(found["changed"] | {"training.precision": found["precision"]})
    cache = FeatureCache(run.places.cache_dir / "features", run.places.feature_cache_gb)
    with records.training_logged(run, project, head) as log:
        model, progress = train_classifier(
            dataset_of(run), project.model, project.training, head,
            *training_and_validation(run), run.folder / "training", cache, log.epoch, say,
        )  # fmt: skip
        log.end(progress)
        with complete_or_absent(run.folder / "model.keras") as partial:
            model.save(partial)
    early = ", stopped early" if progress.stopped_early else ""
    return {
        "epochs": progress.epoch,
        "best_epoch": progress.best_epoch + 1,
        "stopped_early": progress.stopped_early,
        "resumed": progress.resumed,
        "seconds": round(progress.seconds, 1),
        "val_accuracy": progress.best_accuracy,
        "history": progress.history,
        "parameters": int(model.count_params()),
        "summary": f"validation {progress.best_accuracy:.2%} at epoch {progress.best_epoch + 1} "
        f"of {progress.epoch}{early}",
    }


def evaluate(run: Run) -> EvaluateFacts:
    """Measure the trained model on the test set, which no step has looked at before."""
    from model_zoo.evaluation.measure import measure

    training, validation = training_and_validation(run)
    test = official_part(run, "test")
    dataset = dataset_of(run)
    found = measure(run.folder / "model.keras", dataset, training, validation, test)
    records.log_evaluation(run, dataset, found, test, facts_of(run, "train")["history"])
    return found.facts | {  # type: ignore[return-value]
        "summary": f"test accuracy {found.facts['accuracy']:.2%} (95 % interval "
        f"{found.facts['accuracy_low']:.2%} to {found.facts['accuracy_high']:.2%})",
    }


def register(run: Run) -> RegisterFacts:
    """Export to every format, check each file against Keras, and register it as `candidate`."""
    from model_zoo.export.version_files import export_files
    from model_zoo.registry.registration import register_version

    measured = facts_of(run, "evaluate")
    dataset, test = dataset_of(run), official_part(run, "test")
    training, _ = training_and_validation(run)
    reports = export_files(
        run.project, dataset, run.folder, measured, records.predicted(run), training, test, say
    )
    with records.parent_run(run) as parent:
        version = register_version(
            run.store, run.project, dataset, run.folder, parent, run.name, run.identity,
            measured, test, reports,
        )  # fmt: skip
    difference = reports[0].largest_difference
    refused = [f"{one.format} not attached: {one.reason}" for one in reports if not one.attached]
    return {
        "version": version,
        "onnx_difference": float(difference or 0),
        "formats": [one.as_dict() for one in reports],
        "summary": f"version {version} of {run.store.model} is the candidate; ONNX agrees with "
        f"Keras to {difference:.1g}; {sum(one.attached for one in reports)} formats"
        f"{''.join(f'; {one}' for one in refused)}",
    }


def gate(run: Run) -> GateFacts:
    """Judge the candidate against production on the same test images."""
    from model_zoo.judging.gate import judge
    from model_zoo.predictor import load_classifier

    version = facts_of(run, "register")["version"]
    production = versions.find_alias(run.store, "production")
    if production is not None and production.version == version:
        return facts_of(run, "gate")  # type: ignore[no-any-return]  # after promotion it stands
    test = official_part(run, "test")
    generated = bool(facts_of(run, "ingest")["generated"])
    rival_generated = production is not None and production.generated
    correct = records.predicted(run) == test.labels
    rival = None if production is None else np.zeros_like(correct)
    if production is not None and generated == rival_generated:
        served = load_classifier(run.store, run.serving, run.places.cache_dir, production.version)
        rival = served.probabilities(test.images).argmax(axis=1) == test.labels
    verdict = judge(
        correct,
        rival,
        floor=run.project.judging.floor,
        margin=run.project.judging.margin,
        generated=generated,
        production_generated=rival_generated,
    )
    against = production.version if production else None
    report = records.log_verdict(run, version, against, verdict)
    return {
        "passed": verdict.passed,
        "reasons": verdict.reasons,
        "figures": verdict.figures,
        "version": version,
        "against": against,
        "report": report,
        "summary": f"{'passed' if verdict.passed else 'not passed'}: {'; '.join(verdict.reasons)}",
    }


def promote(run: Run) -> PromoteFacts:
    """Point `production` at the candidate if it passed the gate and nobody has to be asked."""
    verdict: GateFacts = facts_of(run, "gate")
    version = verdict["version"]
    promoted = verdict["passed"] and run.project.judging.promotion != "manual"
    if promoted:
        promotion.promote(run.store, version, "; ".join(verdict["reasons"]))
        summary = f"production is version {version}"
    elif verdict["passed"]:
        summary = f"version {version} stays candidate: `catwalk promote {version}` promotes it"
    else:
        summary = f"version {version} stays candidate: {'; '.join(verdict['reasons'])}"
    production = versions.find_alias(run.store, "production")
    with records.parent_run(run):
        pass  # leaving it marks MLflow's run as FINISHED
    shutil.rmtree(run.folder / "training", ignore_errors=True)  # several times the model
    return {
        "promoted": promoted,
        "version": version,
        "production": production.version if production else None,
        "summary": summary,
    }


def decided_precision(run: Run, dataset: Any) -> str:
    """The setting, or for `auto` the precision in which this machine trains faster."""
    from model_zoo.training.phases import trained_network
    from model_zoo.training.precision import choose_precision

    def build() -> Any:
        return trained_network(dataset, run.project.model, run.project.training)

    return choose_precision(run.project.training.precision, build, say)


def say(sentence: str) -> None:
    print(sentence, flush=True)


#: The whole workflow. A share of a search runs beside it: ``search_share.2-of-3``.
WORKFLOW: dict[str, Callable[[Run], Any]] = {
    step.__name__: step
    for step in (ingest, preprocess, tune, train, evaluate, register, gate, promote)
}
STEPS = tuple(WORKFLOW)
