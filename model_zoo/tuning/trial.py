"""One trial: build a candidate, train it, leave ``result.json``. No oracle, no MLflow."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from model_zoo.classifier import build_classifier, build_head
from model_zoo.data.dataset import Dataset
from model_zoo.files import read_json, write_json
from model_zoo.progress import Say, part
from model_zoo.settings import Project, SearchSettings
from model_zoo.training.batches import in_batches
from model_zoo.training.class_weights import weights_of_classes
from model_zoo.training.counted_batches import counted
from model_zoo.training.faster_network import faster_in_training
from model_zoo.training.memory import is_out_of_memory
from model_zoo.training.optimizer import compile_classifier
from model_zoo.training.precision import computing_in
from model_zoo.tuning.examples import read_examples
from model_zoo.tuning.space import Candidate, candidate_from

if TYPE_CHECKING:
    import keras

WEIGHTS = "checkpoint.weights.h5"


@dataclass(frozen=True)
class Result:
    """How a trial ended.

    Attributes:
        values: what the oracle proposed, by name.
        process: the name of the process that ran it.
        started: seconds since 1970 (UTC).
        seconds: wall time of building and training.
        curve: an entry an epoch: every metric, and ``time`` (seconds since 1970) at its end.
        first_epoch: 0, but for a Hyperband trial that goes on from another one's weights.
        error: one sentence if the trial failed, else empty.
        batch_size: images in a step; smaller than asked for where the device had no room.
        objective: name of what the trial is ranked by, see :func:`objective_of`.
    """

    trial: str
    values: dict[str, Any]
    process: str
    started: float
    seconds: float
    curve: list[dict[str, float]] = field(default_factory=list)
    first_epoch: int = 0
    stopped_early: bool = False
    error: str = ""
    objective: str = "val_accuracy"
    batch_size: int = 0

    @property
    def best(self) -> float:
        """The objective in the best epoch; -1 if the trial failed."""
        return max((epoch[self.objective] for epoch in self.curve), default=-1.0)

    @property
    def best_epoch(self) -> int:
        return self.first_epoch + max(
            range(len(self.curve)), key=lambda epoch: self.curve[epoch][self.objective], default=0
        )


def objective_of(project: Project) -> str:
    """What trials are ranked and stopped by: the project's metric on the validation images."""
    return f"val_{project.judging.metric}"


def trial_folder(folder: Path, trial: str) -> Path:
    """Where KerasTuner's oracle keeps a trial of the search in ``folder``."""
    return folder / "search" / f"trial_{trial}"


def read_result(folder: Path, trial: str) -> Result | None:
    """The result of a trial that has ended; None if it has not."""
    path = trial_folder(folder, trial) / "result.json"
    return Result(**read_json(path)) if path.exists() else None


def read_results(folder: Path) -> list[Result]:
    """The results of all trials of a search that have ended."""
    paths = trial_folder(folder, "").parent.glob("trial_*/result.json")
    return [Result(**read_json(path)) for path in sorted(paths)]


def count_results(folder: Path) -> int:
    """How many trials of the search in ``folder`` have ended."""
    return len(read_results(folder))


def write_result(folder: Path, result: Result) -> None:
    write_json(trial_folder(folder, result.trial) / "result.json", asdict(result))


@dataclass(frozen=True)
class TrialModel:
    """A compiled model with what it is trained and judged on: (inputs, labels).

    ``class_weights`` float (classes,): how much an image of each class counts; None: the same.
    """

    model: keras.Model
    train: tuple[Any, Any]
    validation: tuple[Any, Any]
    class_weights: np.ndarray | None = None


def trial_model(
    project: Project, dataset: Dataset, candidate: Candidate, folder: Path, epochs: int
) -> TrialModel:
    """The model of a trial and what it is fed with: see ``tuning.examples``.

    Args:
        project: with what the candidate changes.
    """
    examples = read_examples(folder)
    training, head = project.training, candidate.head
    count = len(examples.train[1])
    steps = max(1, epochs * count // training.batch_size)
    with computing_in(examples.precision):
        if examples.pooled:
            channels = examples.train[0].shape[1]
            network = build_head(len(dataset.labels), head, channels, training.seed)
        else:
            whole = build_classifier(
                dataset, project.model, training.augmentation, head, training.seed
            )
            network = faster_in_training(whole)
    metric, classes = project.judging.metric, len(dataset.labels)
    network = compile_classifier(network, project.model, training, head, steps, metric)
    weights = weights_of_classes(training.class_weights, examples.train[1], classes)
    return TrialModel(network, examples.train, examples.validation, weights)


def run_trial(
    project: Project,
    dataset: Dataset,
    folder: Path,
    trial: str,
    values: Mapping[str, Any],
    process: str,
    say: Say = print,
) -> None:
    """Train one candidate and leave its result.

    The seed is set anew for every trial, so its result does not depend on those before it.

    Raises:
        UserError: a backbone, weights or a file that cannot be had: no trial would get further.
    """
    import keras

    keras.utils.clear_session(free_memory=True)
    started = time.time()
    candidate = candidate_from(values, project)
    # Hyperband names how long a trial may train and whose weights it goes on from.
    last = int(values.get("tuner/epochs", project.search.epochs))
    first = int(values.get("tuner/initial_epoch", 0))
    project = candidate.applied_to(project)
    objective = objective_of(project)
    size, wanted = project.training.batch_size, project.training.batch_size
    while True:
        try:
            history, times = _fitted(
                project, dataset, candidate, folder, trial, (first, last), values, say
            )
            break
        except Exception as error:
            if not is_out_of_memory(error) or size == 1:
                raise
            size //= 2
            say(f"trial {trial}: out of memory, again with batches of {size} instead of {wanted}")
        project = project.with_values({"training.batch_size": size})
        keras.utils.clear_session(free_memory=True)
    curve = [
        {name: float(series[epoch]) for name, series in history.items()} | {"time": ended}
        for epoch, ended in enumerate(times)
    ]
    write_result(
        folder,
        Result(
            trial=trial,
            values=dict(values),
            process=process,
            started=started,
            seconds=round(time.time() - started, 3),
            curve=curve,
            first_epoch=first,
            stopped_early=len(curve) < last - first,
            objective=objective,
            batch_size=size,
        ),
    )


def _fitted(
    project: Project,
    dataset: Dataset,
    candidate: Candidate,
    folder: Path,
    trial: str,
    epochs: tuple[int, int],
    values: Mapping[str, Any],
    say: Say,
) -> tuple[dict[str, list[float]], list[float]]:
    """The curves of a trial from one epoch to another, and when each epoch ended."""
    first, last = epochs
    with part(say, f"building trial {trial}"):
        made = trial_model(project, dataset, candidate, folder, last - first)
    before = values.get("tuner/trial_id")
    if before:
        made.model.load_weights(trial_folder(folder, before) / WEIGHTS)
    times: list[float] = []
    objective = objective_of(project)
    callbacks = _callbacks(project.search, objective, times)
    if project.search.algorithm == "hyperband":
        callbacks.append(_keep_best(trial_folder(folder, trial) / WEIGHTS, objective))
    size, weights = project.training.batch_size, made.class_weights
    held_out = in_batches(*made.validation, size, weights=weights)
    given = in_batches(*made.train, size, shuffled=True, weights=weights)
    images = len(made.train[1])
    with part(say, f"trial {trial}", last * images, done=first * images) as work:
        callbacks.append(counted(work, size, last))
        history = made.model.fit(
            **given,
            shuffle="batch_size" in given,  # arrays; a pipeline shuffles itself
            validation_data=tuple(held_out.get(name) for name in ("x", "y", "sample_weight")),
            initial_epoch=first,
            epochs=last,
            callbacks=callbacks,
            verbose=0,
        ).history
    return history, times


def _callbacks(
    search: SearchSettings, objective: str, times: list[float]
) -> list[keras.callbacks.Callback]:
    from keras import callbacks

    found: list[keras.callbacks.Callback] = [
        callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: times.append(time.time())),
        callbacks.TerminateOnNaN(),
    ]
    if search.patience:
        found.append(callbacks.EarlyStopping(objective, mode="max", patience=search.patience))
    return found


def _keep_best(path: Path, objective: str) -> keras.callbacks.Callback:
    from keras import callbacks

    return callbacks.ModelCheckpoint(
        str(path), monitor=objective, mode="max", save_best_only=True, save_weights_only=True
    )
