"""What a run leaves for people, in MLflow and in its folder: values, figures, tables, Markdown."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from model_zoo.backbones import get_backbone, weights_origin
from model_zoo.data import snapshots
from model_zoo.data.dataset import Dataset, Images
from model_zoo.data.source import LeftOut
from model_zoo.evaluation import figures
from model_zoo.files import complete_or_absent
from model_zoo.registry import run_log, test_set_record
from model_zoo.registry.lineage import STARTED_TAG
from model_zoo.runs.facts import facts_of
from model_zoo.runs.folder import Run
from model_zoo.settings import Project

if TYPE_CHECKING:
    from model_zoo.classifier import Head
    from model_zoo.evaluation.measure import Measured
    from model_zoo.health.findings import Health
    from model_zoo.training.checkpoint import Progress

PREDICTIONS = "test_predictions.npz"
LEFT_OUT = "broken.csv"
HEALTH = "health"
#: Classes whose F1 is a metric of the run each; of more the list of metrics would be unreadable,
#: and MLflow takes no more than 1,000 at once: they are in `evaluation/test.json` alone.
MOST_METRICS = 50


def write_left_out(run: Run, left_out: tuple[LeftOut, ...]) -> None:
    """The files that are in no part, broken ones first, as a table; none: no file."""
    (run.folder / LEFT_OUT).unlink(missing_ok=True)
    if not left_out:
        return
    with complete_or_absent(run.folder / LEFT_OUT) as partial, partial.open("w") as file:
        table = csv.writer(file)
        table.writerow(("file", "why", "reason"))
        for one in sorted(left_out, key=lambda one: (not one.broken, one.path)):
            table.writerow((one.path, "broken" if one.broken else "rule", one.reason))


@contextmanager
def parent_run(run: Run) -> Iterator[str]:
    """Make the workflow run's MLflow run the active one; yields its id."""
    with run_log.parent_run(run.store, run.folder, run.identity, run.name, run.tags) as active:
        yield str(active.info.run_id)


def log_data(
    run: Run,
    dataset: Dataset,
    training: Images,
    validation: Images,
    test: Images,
    found: dict[str, Any],
) -> None:
    """Values that decide the run, the three parts as MLflow datasets, facts and a page of samples.

    Args:
        found: what the checks found.
    """
    import mlflow
    from mlflow.data.numpy_dataset import from_numpy

    page = figures.samples_page(training, dataset.labels, run.folder / "figures" / "samples.png")
    manifest = snapshots.path_of(run.places.of(run.project.name).project_data, dataset.snapshot)
    with parent_run(run):
        mlflow.log_params(run.project.parameters())
        mlflow.log_params({"profile": run.project.profile, "recipe": run.project.recipe})
        mlflow.set_tags(
            {
                "dataset": dataset.name,
                "dataset_digest": dataset.snapshot,
                "data_origin": dataset.origin,
                "reason": facts_of(run, "ingest").get("reason", ""),
                "generated": "true" if dataset.generated else "false",
            }
        )
        parts = {"training": training, "validation": validation, "test": test}
        where = str(manifest) if manifest.exists() else dataset.origin
        for context, part in parts.items():
            # MLflow notes shape and size of an array, and nothing of its content.
            like = np.broadcast_to(np.zeros((), part.images.dtype), part.images.shape)
            # A dataset of MLflow's is its name and digest: under one name only the first arrives.
            logged = from_numpy(
                like,
                source=where,
                targets=part.labels,
                name=f"{dataset.name} {context}",
                digest=dataset.snapshot,
            )
            mlflow.log_input(logged, context=context)
        mlflow.log_dict(found, "data/facts.json")
        mlflow.log_artifact(str(run.folder / "split.npz"), "data")
        if (run.folder / LEFT_OUT).exists():
            mlflow.log_artifact(str(run.folder / LEFT_OUT), "data")
        mlflow.log_artifact(str(page), "data")
        if manifest.exists():
            mlflow.log_artifact(str(manifest), "data")


def log_health(run: Run, health: Health) -> None:
    """The page of the images' health with its table, and how many images each finding has."""
    import mlflow

    with parent_run(run):
        mlflow.log_metrics({f"health_{one.kind}": float(one.found) for one in health.findings})
        mlflow.set_tag("health", health.summary)
        mlflow.log_artifacts(str(run.folder / HEALTH), HEALTH)


@contextmanager
def parent_run_without_old_trials(run: Run) -> Iterator[str]:
    """As :func:`parent_run`, after marking trials that a kill left open."""
    with parent_run(run) as parent:
        run_log.close_interrupted_trials(run.store, parent)
        yield parent


def log_search(trials: list[dict[str, Any]], seed: int) -> dict[str, float]:
    """The trials as a table and a figure, to the active run; returns what mattered how much."""
    import mlflow

    from model_zoo.tuning.summary import importance, summary_figure

    mattered = importance(trials, seed)
    mlflow.log_dict({"trials": trials, "importance": mattered}, "tuning/trials.json")
    mlflow.log_figure(summary_figure(trials, mattered), "tuning/search.png")
    return mattered


@dataclass(frozen=True)
class TrainingLog:
    """Takes what training reports; made by :func:`training_logged`."""

    project: Project

    def epoch(self, epoch: int, metrics: dict[str, float]) -> None:
        run_log.log_epoch(epoch, metrics)

    def end(self, progress: Progress, started_from: str) -> None:
        """Where the weights came from, on what machine, and how it went.

        Args:
            started_from: the version that training went on from; empty: none.
        """
        import mlflow

        from model_zoo.training.machine import machine

        model = self.project.model
        origin = weights_origin(get_backbone(model.backbone), model.weights)
        begun = {STARTED_TAG: started_from} if started_from else {}
        mlflow.set_tags(origin | {"machine": machine()} | begun)
        run_log.log_found({run_log.TRAINED_BATCH: progress.batch_size})
        mlflow.log_metrics(
            {"val_accuracy_best": progress.best_accuracy, "train_seconds": progress.seconds}
        )
        if self.project.judging.metric != "accuracy":
            mlflow.log_metric(f"val_{self.project.judging.metric}_best", progress.best_value)


@contextmanager
def training_logged(run: Run, project: Project, head: Head) -> Iterator[TrainingLog]:
    """The parent run with what the search decided.

    Args:
        project: with the values that were searched.
    """
    found = {f"head.{name}": value for name, value in head.as_dict().items()}
    with parent_run(run):
        run_log.log_found(found | {"computed_in": project.training.precision})
        yield TrainingLog(project)


def log_evaluation(
    run: Run,
    dataset: Dataset,
    measured: Measured,
    test: Images,
    history: list[dict[str, float]],
) -> None:
    """Figures and numbers of the test set; predictions too, so that single images can be seen."""
    import mlflow

    facts, pages = measured.facts, run.folder / "figures"
    predictions = test_set_record.write_predictions(
        run.folder / PREDICTIONS, measured.calibrated, test
    )
    drawn = [
        figures.confusion_figure(facts, pages / "confusion.png"),
        figures.curves_figure(history, pages / "curves.png"),
        figures.per_class_figure(facts["per_class"], pages / "per_class.png"),
        figures.reliability_figure(
            measured.raw, measured.calibrated, test.labels, pages / "reliability.png"
        ),
        figures.mistakes_figure(test, measured.calibrated, dataset.labels, pages / "mistakes.png"),
    ]
    with parent_run(run):
        numbers = {name: one for name, one in facts.items() if isinstance(one, int | float)}
        mlflow.log_metrics({f"test_{name}": float(one) for name, one in numbers.items()})
        if len(facts["per_class"]) <= MOST_METRICS:
            by_class = {
                "test_f1_" + "".join(c if c.isalnum() else "_" for c in one["label"]): one["f1"]
                for one in facts["per_class"]
            }
            mlflow.log_metrics(by_class)
        mlflow.log_dict(facts, "evaluation/test.json")
        for path in (*drawn, predictions):
            mlflow.log_artifact(str(path), "evaluation")
        test_set_record.log_test_images(run.store, run.folder, dataset.snapshot, test)


def predicted(run: Run) -> np.ndarray:
    """The evaluated model's class for each test image, integers (N,)."""
    with np.load(run.folder / PREDICTIONS) as stored:
        return np.asarray(stored["predicted"])
