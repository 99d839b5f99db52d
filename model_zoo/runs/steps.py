"""The workflow's steps, in the order in which they run; open this file to understand Catwalk.

A step is a function ``(settings, folder) -> facts``: small JSON-able facts, also left in
``folder/<step>.json``. Steps hand each other files in the run's folder and facts, never arrays.
Each can be killed at any moment and run again: it then continues or redoes its part.

What runs them, one by one or all, is `model_zoo/runs/runner.py`.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from model_zoo import backbones
from model_zoo.config import Settings
from model_zoo.data.checks import validate
from model_zoo.data.dataset import Images
from model_zoo.data.fashion_mnist import sample
from model_zoo.data.fashion_mnist import source as fashion_mnist
from model_zoo.data.split import stratified_split
from model_zoo.errors import UserError
from model_zoo.files import complete_or_absent, read_json
from model_zoo.registry import run_log as tracking
from model_zoo.registry import versions as registry

Facts = dict[str, Any]
DATASET = fashion_mnist.FASHION_MNIST
PREDICT_BATCH = 250


def ingest(settings: Settings, folder: Path) -> Facts:
    """Find the dataset's official files and check them against their published checksums."""
    try:
        found = fashion_mnist.ingest(settings.data_dir, settings.cache_dir)
        source, path, where = "official", found.folder, found.source
    except UserError as error:
        if not settings.allow_sample or settings.data_dir is not None:
            raise
        say(f"No network and no data at hand: GENERATED SAMPLE instead of real data. ({error})")
        source, where = "sample", "generated"
        path = sample.write_sample(settings.cache_dir / "generated-sample")
    label = f"{DATASET.name}, official files" if source == "official" else "the GENERATED SAMPLE"
    return {
        "folder": str(path),
        "dataset_source": source,
        "summary": f"{label} from {where}, checksums agree"
        if source == "official"
        else f"{label}: silhouettes drawn by Catwalk, not real garments",
    }


def preprocess(settings: Settings, folder: Path) -> Facts:
    """Validate the dataset, split off validation images, log a page of samples."""
    import mlflow
    from mlflow.data.numpy_dataset import from_numpy

    from model_zoo.evaluation.figures import samples_page

    train, test = fashion_mnist.load(Path(facts_of(folder, "ingest")["folder"]))
    found = validate(DATASET, train, test)
    training, validation = stratified_split(
        train.labels, settings.validation_share, settings.seed, settings.train_limit
    )
    with complete_or_absent(folder / "split.npz") as partial:
        np.savez_compressed(partial, training=training, validation=validation)
    page = samples_page(train, DATASET.labels, folder / "figures" / "samples.png")
    with tracking.parent_run(settings, folder):
        mlflow.log_params({k: str(v) for k, v in settings.deciding.items()})
        mlflow.set_tags(
            {
                "dataset_digest": found["digest"],
                "dataset_source": facts_of(folder, "ingest")["dataset_source"],
            }
        )
        parts = {"training": train.take(training), "validation": train.take(validation)}
        for context, part in (parts | {"test": test}).items():
            logged = from_numpy(
                part.images, targets=part.labels, name=DATASET.name, digest=found["digest"]
            )
            mlflow.log_input(logged, context=context)
        mlflow.log_dict(found, "data/facts.json")
        mlflow.log_artifact(str(folder / "split.npz"), "data")
        mlflow.log_artifact(str(page), "data")
    return found | {
        "training": len(training),
        "validation": len(validation),
        "summary": f"{len(training):,} images to train, {len(validation):,} to validate, "
        f"{len(test):,} to test; balanced, {found['test_images_in_train']} in both; "
        f"digest {found['digest']}",
    }


def tune(settings: Settings, folder: Path) -> Facts:
    """Search head and learning rate; with no trials asked for, take the settings' own.

    Facts: "head" for the classifier, "changed" for settings beyond it that were searched.
    """
    from model_zoo.classifier import head_from

    settings = _with_precision(settings)
    if not settings.search_trials:
        head = head_from(settings)
        return {
            "head": head.as_dict(),
            "changed": {},
            "trials": [],
            "precision": settings.precision,
            "summary": f"no search: {describe(head)}",
        }
    import mlflow

    from model_zoo.tuning import search
    from model_zoo.tuning.summary import importance, summary_figure

    train, validation = training_images(folder)
    with tracking.parent_run(settings, folder) as run:
        tracking.close_interrupted_trials(settings, run.info.run_id)
        best, trials = search(
            settings,
            DATASET,
            train,
            validation,
            folder / "tuning",
            run.info.run_id,
            say,
        )
        mattered = importance(trials, settings.seed)
        mlflow.log_dict({"trials": trials, "importance": mattered}, "tuning/trials.json")
        mlflow.log_figure(summary_figure(trials, mattered), "tuning/search.png")
    also = "".join(f", {name.replace('_', ' ')} {v:.2g}" for name, v in best.changed.items())
    return {
        "head": best.head.as_dict(),
        "changed": best.changed,
        "trials": trials,
        "precision": settings.precision,
        "importance": mattered,
        "summary": f"best of {len(trials)} trials: {trials[0]['val_accuracy']:.2%} with "
        f"{describe(best.head)}{also}",
    }


def _with_precision(settings: Settings) -> Settings:
    """The settings with `auto` replaced by the precision in which this machine trains faster."""
    from model_zoo.classifier import build_classifier, head_from
    from model_zoo.training.normalisation import with_fused_normalisation
    from model_zoo.training.precision import choose_precision

    def build() -> Any:
        return with_fused_normalisation(build_classifier(DATASET, settings, head_from(settings)))

    policy = choose_precision(settings, build, say)
    return settings.model_copy(update={"precision": policy})


def search_worker(settings: Settings, folder: Path, number: int) -> Facts:
    """Run trials beside `tune`, in another process or on another machine, until it has enough."""
    from model_zoo.tuning import join

    def over() -> bool:
        return (folder / "tune.json").exists()

    ran = join(settings, DATASET, folder / "tuning", f"w{number}", over, say)
    return {"trials": ran, "summary": f"worker {number} ran {ran} trials"}


def train(settings: Settings, folder: Path) -> Facts:
    """Train the backbone with the head that the search found, from the last checkpoint if any."""
    import mlflow

    from model_zoo.classifier import Head
    from model_zoo.training.machine import machine
    from model_zoo.training.phases import train_classifier

    found = facts_of(folder, "tune")
    head = Head(**found["head"])
    settings = settings.model_copy(update=found["changed"] | {"precision": found["precision"]})
    training, validation = training_images(folder)
    backbone = backbones.get_backbone(settings.backbone)
    with tracking.parent_run(settings, folder):
        searched = head.as_dict() | found["changed"]
        mlflow.log_params({f"head.{name}": value for name, value in searched.items()})
        mlflow.log_param("computed_in", settings.precision)
        model, progress = train_classifier(
            DATASET,
            settings,
            head,
            training,
            validation,
            folder / "training",
            tracking.log_epoch,
            say,
        )
        mlflow.set_tags(
            backbones.weights_origin(backbone, settings.weights) | {"machine": machine()}
        )
        mlflow.log_metrics(
            {"best_val_accuracy": progress.best_accuracy, "train_seconds": progress.seconds}
        )
        with complete_or_absent(folder / "model.keras") as partial:
            model.save(partial)
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
        f"of {progress.epoch}{', stopped early' if progress.stopped_early else ''}",
    }


def evaluate(settings: Settings, folder: Path) -> Facts:
    """Measure the trained model on the test set, which no step has looked at before."""
    import keras
    import mlflow

    from model_zoo.evaluation import figures
    from model_zoo.evaluation import test_set_record as record
    from model_zoo.evaluation.calibration import apply_temperature, fit_temperature
    from model_zoo.evaluation.metrics import expected_calibration_error, score
    from model_zoo.images.statistics import summarise
    from model_zoo.training.batches import in_batches

    model = keras.models.load_model(folder / "model.keras")
    training, validation = training_images(folder)
    held_out = model.predict(**in_batches(validation.images, None, PREDICT_BATCH), verbose=0)
    temperature = fit_temperature(held_out, validation.labels)
    test = test_images(folder)
    probabilities = model.predict(**in_batches(test.images, None, PREDICT_BATCH), verbose=0)
    calibrated = apply_temperature(probabilities, temperature)
    found = score(probabilities, test.labels, DATASET.labels)
    found["calibration_error_raw"] = found.pop("calibration_error")
    found["calibration_error"] = expected_calibration_error(calibrated, test.labels)
    found["image_statistics"] = summarise(training.images)
    predictions = record.write_predictions(folder / "test_predictions.npz", calibrated, test.labels)
    pages = folder / "figures"
    drawn = [
        figures.confusion_figure(found["confusion"], DATASET.labels, pages / "confusion.png"),
        figures.curves_figure(facts_of(folder, "train")["history"], pages / "curves.png"),
        figures.per_class_figure(found["per_class"], pages / "per_class.png"),
        figures.reliability_figure(
            probabilities, calibrated, test.labels, pages / "reliability.png"
        ),
    ]
    with tracking.parent_run(settings, folder):
        numbers = {k: v for k, v in found.items() if isinstance(v, int | float)}
        mlflow.log_metrics({f"test_{k}": float(v) for k, v in numbers.items()})
        for one in found["per_class"]:
            name = "".join(c if c.isalnum() else "_" for c in one["label"])
            mlflow.log_metric(f"test_f1_{name}", one["f1"])
        mlflow.log_dict(found, "evaluation/test.json")
        for path in (*drawn, predictions):
            mlflow.log_artifact(str(path), "evaluation")
        record.log_test_images(settings, folder, facts_of(folder, "preprocess")["digest"], test)
    return found | {
        "temperature": temperature,
        "summary": f"test accuracy {found['accuracy']:.2%} (95 % interval "
        f"{found['accuracy_low']:.2%} to {found['accuracy_high']:.2%})",
    }


def register(settings: Settings, folder: Path) -> Facts:
    """Export to every format, check each file against Keras, and register it as `candidate`."""
    from model_zoo.export.version_files import export_files
    from model_zoo.registry.registration import register_version

    measured = facts_of(folder, "evaluate")
    source = facts_of(folder, "ingest")["dataset_source"]
    training, _ = training_images(folder)
    test = test_images(folder)
    with np.load(folder / "test_predictions.npz") as stored:
        predicted = stored["predicted"]
    reports = export_files(settings, DATASET, folder, measured, predicted, training, test, say)
    with tracking.parent_run(settings, folder) as run:
        version = register_version(
            settings, folder, run.info.run_id, measured, source, test, reports
        )
    difference = reports[0].largest_difference
    refused = [f"{one.format} not attached: {one.reason}" for one in reports if not one.attached]
    return {
        "version": version,
        "onnx_difference": difference,
        "formats": [one.as_dict() for one in reports],
        "summary": f"version {version} of {settings.model_name} is the candidate; ONNX agrees "
        f"with Keras to {difference:.1g}; {sum(one.attached for one in reports)} formats"
        f"{''.join(f'; {one}' for one in refused)}",
    }


def gate(settings: Settings, folder: Path) -> Facts:
    """Judge the candidate against production on the same test images."""
    import mlflow

    from model_zoo.judging.gate import judge
    from model_zoo.registry.registration import predict_with_version

    version = facts_of(folder, "register")["version"]
    production = registry.find_alias(settings, "production")
    if production is not None and production.version == version:
        return facts_of(folder, "gate")  # run again after promotion: the verdict stands
    test = test_images(folder)
    source = facts_of(folder, "ingest")["dataset_source"]
    with np.load(folder / "test_predictions.npz") as stored:
        correct = stored["predicted"] == test.labels
    rival = None
    on_sample = source == "sample"
    rival_on_sample = production is not None and production.tags.get("dataset_source") == "sample"
    if production is not None and on_sample == rival_on_sample:
        rival = predict_with_version(settings, production.version, test) == test.labels
    verdict = judge(
        correct,
        rival if production is None or rival is not None else np.zeros_like(correct),
        floor=settings.gate_floor,
        margin=settings.gate_margin,
        on_sample=on_sample,
        production_on_sample=rival_on_sample,
    )
    against = f"version {production.version}" if production else "nothing"
    report = "\n".join(
        [
            f"### Version {version} against {against} in production",
            "",
            f"**{'Passed' if verdict.passed else 'Did not pass'}** the gate:",
            "",
            *(f"- {reason}" for reason in verdict.reasons),
        ]
    )
    with tracking.parent_run(settings, folder):
        mlflow.log_text(report, "gate/verdict.md")
        mlflow.log_dict(verdict.figures, "gate/figures.json")
        mlflow.set_tags({"gate": "passed" if verdict.passed else "not passed"})
    with registry.answered_by(settings) as client:
        for key, value in (("gate", "passed" if verdict.passed else "not passed"),
                           ("gate_reasons", "; ".join(verdict.reasons))):  # fmt: skip
            client.set_model_version_tag(settings.model_name, version, key, value)
    return {
        "passed": verdict.passed,
        "reasons": verdict.reasons,
        "figures": verdict.figures,
        "version": version,
        "against": production.version if production else None,
        "report": report,
        "summary": f"{'passed' if verdict.passed else 'not passed'}: {'; '.join(verdict.reasons)}",
    }


def promote(settings: Settings, folder: Path) -> Facts:
    """Point `production` at the candidate if it passed the gate and nobody has to be asked."""
    verdict = facts_of(folder, "gate")
    version = verdict["version"]
    promoted = verdict["passed"] and settings.promotion != "manual"
    if promoted:
        registry.promote(settings, version, "; ".join(verdict["reasons"]))
    production = registry.find_alias(settings, "production")
    if promoted:
        summary = f"production is version {version}"
    elif verdict["passed"]:
        summary = f"version {version} stays candidate: `catwalk promote {version}` promotes it"
    else:
        summary = f"version {version} stays candidate: {'; '.join(verdict['reasons'])}"
    with tracking.parent_run(settings, folder):
        pass  # leaving it marks the parent run as FINISHED
    shutil.rmtree(folder / "training", ignore_errors=True)  # checkpoints: several times the model
    return {
        "promoted": promoted,
        "version": version,
        "production": production.version if production else None,
        "summary": summary,
    }


WORKFLOW: dict[str, Callable[[Settings, Path], Facts]] = {
    step.__name__: step
    for step in (ingest, preprocess, tune, train, evaluate, register, gate, promote)
}
STEPS = tuple(WORKFLOW)
# Steps that run beside one of the workflow, as often as somebody starts them: "search_worker.1".
BESIDE: dict[str, Callable[[Settings, Path, int], Facts]] = {"search_worker": search_worker}


def facts_of(folder: Path, step: str) -> Facts:
    """What an earlier step of this run found.

    Raises:
        UserError: that step has not been run.
    """
    path = folder / f"{step}.json"
    if not path.exists():
        raise UserError(f"run {folder.name}: run the step {step!r} first ({path.name} is missing)")
    facts: Facts = read_json(path)
    return facts


def training_images(folder: Path) -> tuple[Images, Images]:
    """Training and validation images by the saved split."""
    images, _ = fashion_mnist.load(Path(facts_of(folder, "ingest")["folder"]))
    facts_of(folder, "preprocess")
    with np.load(folder / "split.npz") as split:
        return images.take(split["training"]), images.take(split["validation"])


def test_images(folder: Path) -> Images:
    _, images = fashion_mnist.load(Path(facts_of(folder, "ingest")["folder"]))
    return images


def describe(head: Any) -> str:
    return (
        f"dense {head.dense_1} and {head.dense_2}, dropout {head.dropout:.1f}, "
        f"learning rate {head.learning_rate:.2g}"
    )


def say(sentence: str) -> None:
    print(sentence, flush=True)
