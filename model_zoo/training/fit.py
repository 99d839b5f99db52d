"""Fit a classifier so that it can be killed at any moment and continued.

An epoch is trained in segments. Between segments, at most a minute apart, the whole state goes
to disk: weights, optimiser, augmentation seeds, history. The order of the images depends on the
seed and the epoch alone, so a continued run sees what an uninterrupted one would have seen.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from model_zoo.data.dataset import Images
from model_zoo.errors import UserError
from model_zoo.files import complete_or_absent, read_json, write_json

if TYPE_CHECKING:
    import keras

SEGMENT_STEPS = 50


@dataclass
class Progress:
    """Where training stands; lies beside the weights that it belongs to."""

    epoch: int = 0
    step: int = 0
    best_accuracy: float = -1.0
    best_epoch: int = -1
    finished: bool = False
    stopped_early: bool = False
    resumed: int = 0
    seconds: float = 0.0
    loss_sum: float = 0.0
    correct_sum: float = 0.0
    history: list[dict[str, float]] = field(default_factory=list)


class Checkpoint:
    """Complete training states in one folder: ``state-<n>.keras`` named by ``progress.json``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.pointer = folder / "progress.json"
        self.best = folder / "best.weights.h5"

    def save(self, model: keras.Model, progress: Progress) -> None:
        state = self.folder / f"state-{progress.epoch}-{progress.step}.keras"
        with complete_or_absent(state) as partial:
            model.save(partial)
        write_json(self.pointer, {"state": state.name, "progress": asdict(progress)})
        for old in self.folder.glob("state-*.keras"):
            if old != state:
                old.unlink(missing_ok=True)

    def load(self) -> tuple[keras.Model | None, Progress]:
        """The last complete state, or nothing and fresh progress."""
        import keras

        if not self.pointer.exists():
            return None, Progress()
        found = read_json(self.pointer)
        progress = Progress(**found["progress"])
        return keras.models.load_model(self.folder / found["state"]), progress


@dataclass(frozen=True)
class Plan:
    """How to fit: epochs at the most, images a step, patience in epochs (0: never stop early)."""

    epochs: int
    batch_size: int
    patience: int
    seed: int
    checkpoint_seconds: float = 60.0

    def steps_per_epoch(self, count: int) -> int:
        return max(1, count // self.batch_size)  # the last partial batch waits for another epoch


def fit(
    build: Callable[[], keras.Model],
    train: Images,
    validation: Images,
    plan: Plan,
    folder: Path,
    on_epoch: Callable[[int, dict[str, float]], object],
    say: Callable[[str], None] = print,
) -> tuple[keras.Model, Progress]:
    """Train to the end of the plan, from the last checkpoint in ``folder`` if there is one.

    Args:
        build: makes the compiled model; called only when there is no checkpoint.
        on_epoch: receives the epoch (from 0) and its metrics; called again for an epoch that
            was finished but not yet reported when the process was killed.

    Returns:
        The model with the weights of its best epoch by validation accuracy, and the progress.

    Raises:
        UserError: the loss is no longer finite, or a checkpoint cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    checkpoint = Checkpoint(folder)
    model, progress = checkpoint.load()
    if model is None:
        model = build()
    else:
        progress.resumed += 1
        say(f"continuing at epoch {progress.epoch + 1}, step {progress.step}")
    steps = plan.steps_per_epoch(len(train))
    saved_at = time.monotonic()
    while not progress.finished:
        started = time.monotonic()
        _train_segment(model, train, plan, progress, steps)
        progress.seconds += time.monotonic() - started
        if progress.step < steps:
            if time.monotonic() - saved_at > plan.checkpoint_seconds:
                checkpoint.save(model, progress)
                saved_at = time.monotonic()
                say(_midway(progress, steps))
            continue
        started = time.monotonic()
        metrics = _end_epoch(model, validation, plan, progress, steps, checkpoint)
        progress.seconds += time.monotonic() - started
        say(
            f"epoch {progress.epoch}/{plan.epochs}: loss {metrics['loss']:.3f}, accuracy "
            f"{metrics['accuracy']:.1%}, validation {metrics['val_accuracy']:.2%}"
        )
        on_epoch(progress.epoch - 1, metrics)
        checkpoint.save(model, progress)
        saved_at = time.monotonic()
    model.load_weights(checkpoint.best)
    return model, progress


def _train_segment(
    model: keras.Model, train: Images, plan: Plan, progress: Progress, steps: int
) -> None:
    order = np.random.default_rng((plan.seed, progress.epoch)).permutation(len(train))
    until = min(progress.step + SEGMENT_STEPS, steps)
    chosen = order[progress.step * plan.batch_size : until * plan.batch_size]
    images = train.take(chosen)
    result = model.fit(
        images.images,
        images.labels,
        batch_size=plan.batch_size,
        epochs=1,
        shuffle=False,
        verbose=0,
    )
    loss, accuracy = result.history["loss"][0], result.history["accuracy"][0]
    if not np.isfinite(loss):
        raise UserError(
            f"the loss is {loss} in epoch {progress.epoch + 1}: training diverged. "
            "Lower the learning rate and run again"
        )
    progress.loss_sum += loss * (until - progress.step)
    progress.correct_sum += accuracy * (until - progress.step)
    progress.step = until


def _end_epoch(
    model: keras.Model,
    validation: Images,
    plan: Plan,
    progress: Progress,
    steps: int,
    checkpoint: Checkpoint,
) -> dict[str, float]:
    held_out: dict[str, Any] = model.evaluate(
        validation.images, validation.labels, batch_size=250, verbose=0, return_dict=True
    )
    metrics = {
        "loss": progress.loss_sum / steps,
        "accuracy": progress.correct_sum / steps,
        "val_loss": float(held_out["loss"]),
        "val_accuracy": float(held_out["accuracy"]),
        "learning_rate": float(np.asarray(model.optimizer.learning_rate)),
    }
    progress.history.append(metrics)
    if metrics["val_accuracy"] > progress.best_accuracy:
        progress.best_accuracy, progress.best_epoch = metrics["val_accuracy"], progress.epoch
        with complete_or_absent(checkpoint.best) as partial:
            model.save_weights(_named_as_weights(partial))
            _named_as_weights(partial).replace(partial)
    progress.epoch += 1
    progress.step, progress.loss_sum, progress.correct_sum = 0, 0.0, 0.0
    waited = progress.epoch - 1 - progress.best_epoch
    progress.stopped_early = bool(plan.patience) and waited >= plan.patience
    progress.finished = progress.epoch >= plan.epochs or progress.stopped_early
    return metrics


def _named_as_weights(path: Path) -> Path:
    """Keras insists on the suffix ``.weights.h5`` when it writes."""
    return path.with_suffix(".weights.h5")


def _midway(progress: Progress, steps: int) -> str:
    return (
        f"epoch {progress.epoch + 1}, step {progress.step}/{steps}: loss "
        f"{progress.loss_sum / progress.step:.3f}, accuracy "
        f"{progress.correct_sum / progress.step:.1%}"
    )
