"""The workflow's steps, in the order in which they run; open this file to understand Catwalk.

A step is a function from a run to facts: small, JSON-able, also left in
``<run folder>/<step>.json``. Steps hand each other files in the run's folder and facts, never
arrays. Each can be killed at any moment and run again: it then continues or redoes its part.

What runs them is `runner.py`. What they log is in `run_records.py`, what they find in `facts.py`.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from typing import Any

from model_zoo.data.checks import validate
from model_zoo.errors import UserError
from model_zoo.progress import part
from model_zoo.registry import promotion, versions
from model_zoo.runs import facts, project_data, reviewing, start, verdicts
from model_zoo.runs import run_records as records
from model_zoo.runs.arrivals import ingested
from model_zoo.runs.checks import check_class_groups
from model_zoo.runs.facts import facts_of
from model_zoo.runs.folder import Run
from model_zoo.runs.images import (
    calibration_images,
    dataset_of,
    held_out_images,
    keep_split,
    official_part,
    training_and_validation,
    training_images,
)


def ingest(run: Run) -> facts.IngestFacts:
    """Have the project's source find the images, and keep them under their digest."""
    return ingested(run)


def preprocess(run: Run) -> facts.PreprocessFacts:
    """Validate the dataset, split off validation images, log a page of samples."""
    project_data.fetch(run.places.of(run.project.name))  # `ingest` may have run elsewhere
    dataset, data = dataset_of(run), run.project.data
    images, test = official_part(run, "training"), official_part(run, "test")
    with part(run.say, "checking the images"):
        found = validate(dataset, images, test, data.least_class_share)
    check_class_groups(run.project.judging, dataset)
    keep_split(run, images.labels, data)
    training, validation = training_images(run), held_out_images(run)
    with part(run.say, "logging the images to MLflow"):
        records.log_data(run, dataset, training, validation, test, found)
    start.decide(run, dataset)
    return facts.of_the_split(dataset, len(training), len(validation), len(test), found)


def health(run: Run) -> facts.HealthFacts:
    """Look for wrong labels, leaks, duplicates and useless images before any is trained on.

    The features that it needs are those that search and training read from the cache after it.
    """
    from model_zoo.runs.health import health_of

    found = health_of(run)
    with part(run.say, "logging what was found to MLflow"):
        records.log_health(run, found)
    for finding in found.of("warn"):
        run.say(f"{finding.sentence}.")
    if stopped := found.of("stop"):
        raise UserError("; ".join(one.sentence for one in stopped))
    return facts.of_the_health(found)


def search_share(run: Run, share: int, shares: int) -> facts.ShareFacts:
    """Run every ``shares``-th trial of a random search; `tune` takes up what is found."""
    from model_zoo.runs import kept_features
    from model_zoo.runs.precision import decided_once
    from model_zoo.tuning import run_share

    if not run.project.search.trials or start.begun(run).version:
        return {"trials": 0, "summary": "no search"}
    dataset, folder = dataset_of(run), run.folder / "tuning" / f"share-{share}"
    project, data = decided_once(run, dataset), training_and_validation(run)
    known = kept_features.noted(run)
    ran = run_share(project, run.places, dataset, *data, folder, share, shares, run.say, known)
    return {"trials": ran, "summary": f"share {share} of {shares} ran {ran} trials"}


def tune(run: Run) -> facts.TuneFacts:
    """Search head and learning rate; with no trials asked for, take the settings' own, and with
    training that goes on from production, production's."""
    from model_zoo.classifier import head_from
    from model_zoo.runs import kept_features
    from model_zoo.runs.precision import decided_once
    from model_zoo.tuning import search

    dataset = dataset_of(run)
    project = decided_once(run, dataset)
    precision = project.training.precision
    if begun := start.head_of_start(run):
        return facts.without_a_search(begun, precision)
    if not project.search.trials:
        return facts.without_a_search(head_from(project.model, project.training), precision)
    data, folder = training_and_validation(run), run.folder / "tuning"
    with records.parent_run_without_old_trials(run) as parent:
        known = kept_features.noted(run)
        best, trials = search(project, run.places, dataset, *data, folder, parent, run.say, known)
        importance = records.log_search(trials, project.training.seed)
    return facts.of_the_search(best, trials, importance, precision)


def train(run: Run) -> facts.TrainFacts:
    """Train the backbone with the head that the search found, from the last checkpoint if any."""
    with part(run.say, "starting Keras"):
        import keras  # noqa: F401

    from model_zoo.classifier import Head
    from model_zoo.files import complete_or_absent
    from model_zoo.training.feature_cache import FeatureCache
    from model_zoo.training.phases import train_classifier

    found: facts.TuneFacts = facts_of(run, "tune")
    head = Head(**found["head"])
    project = run.project.with_values(found["changed"] | {"training.precision": found["precision"]})
    cache = FeatureCache(run.places.cache_dir / "features", run.places.feature_cache_gb)
    with records.training_logged(run, project, head) as log:
        model, progress = train_classifier(
            dataset_of(run), project.model, project.training, head,
            *training_and_validation(run), run.folder / "training", cache, log.epoch, run.say,
            project.judging.metric, start.start_of(run),
        )  # fmt: skip
        log.end(progress, start.begun(run).version)
        with (
            part(run.say, "saving the model"),
            complete_or_absent(run.folder / "model.keras") as partial,
        ):
            model.save(partial)
    return facts.of_the_training(progress, int(model.count_params()), project.judging.metric)


def evaluate(run: Run) -> facts.EvaluateFacts:
    """Measure the trained model on the test set, which no step has looked at before."""
    from model_zoo.evaluation.measure import measure

    training, _ = training_and_validation(run)
    calibration, test = calibration_images(run), official_part(run, "test")
    dataset = dataset_of(run)
    found = measure(run.folder / "model.keras", dataset, training, calibration, test, run.say)
    with part(run.say, "drawing figures, logging to MLflow"):
        records.log_evaluation(run, dataset, found, test, facts_of(run, "train")["history"])
    return facts.of_the_evaluation(found.facts)


def register(run: Run) -> facts.RegisterFacts:
    """Export to every format, check each file against Keras, and register it as `candidate`."""
    from model_zoo.export.version_files import export_files
    from model_zoo.registry.one_copy import keep_once
    from model_zoo.registry.registration import register_version

    measured = facts_of(run, "evaluate")
    dataset, test = dataset_of(run), official_part(run, "test")
    training, _ = training_and_validation(run)
    reports = export_files(
        run.project, dataset, run.folder, measured, records.predicted(run), training, test, run.say
    )
    with part(run.say, "registering in MLflow"), records.parent_run(run) as parent:
        reviewing.leave_neighbours(run, training)
        version = register_version(
            run.store, run.project, dataset, run.folder, parent, run.name, run.identity,
            measured, test, reports, start.begun(run).started,
        )  # fmt: skip
        reviewing.tell_what_was_learned(run, version)
    keep_once(run.store, version, run.folder)
    return facts.of_the_registration(run.store.model, version, reports)


def gate(run: Run) -> facts.GateFacts:
    """Judge the candidate's registered file against production's, on the same test images."""
    from model_zoo.judging.verdict import judge
    from model_zoo.registry.registration import registered
    from model_zoo.runs.contest import trial_of

    number = facts_of(run, "register")["version"]
    candidate = registered(run.store, number, run.folder / "served")
    production, repaired = promotion.look_at_production(run.store)
    for sentence in repaired:
        run.say(sentence)
    judged = promotion.pair(candidate, production)
    if production is not None and judged.candidate == judged.production:
        return facts.of_the_same_model(run, candidate, production)
    basis = verdicts.basis_of(run, candidate.version, judged)
    verdict = verdicts.kept(run, basis)
    if verdict is None:
        with part(run.say, "asking both files about the test images"):
            trial = trial_of(run, candidate.version, production)
        verdict = judge(trial.contest, production.version if production else None)
        verdicts.keep(run, basis, trial, verdict, judged)
    run.say(verdict.markdown())
    return facts.of_the_verdict(verdict, judged)


def promote(run: Run) -> facts.PromoteFacts:
    """Point `production` at the candidate if it passed the gate and whoever has to agrees."""
    from model_zoo.runs.production import bring_into_production

    verdict, promoted, why = bring_into_production(run, gate, run.say)
    production = versions.find_alias(run.store, "production")
    with records.parent_run(run):
        pass  # leaving it marks MLflow's run as FINISHED
    reviewing.rank_what_has_no_label(run)
    for folder in ("training", start.FOLDER):  # several times the model
        shutil.rmtree(run.folder / folder, ignore_errors=True)
    return facts.of_the_promotion(verdict, promoted, production, why)


#: The whole workflow. A share of a search runs beside it: ``search_share.2-of-3``.
WORKFLOW: dict[str, Callable[[Run], Any]] = {
    step.__name__: step
    for step in (ingest, preprocess, health, tune, train, evaluate, register, gate, promote)
}
STEPS = tuple(WORKFLOW)
