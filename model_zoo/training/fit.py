"""Fit a classifier so that it can be killed at any moment and continued.

An epoch is trained in segments. Between segments, about a minute apart, the whole state goes to
disk. The order of the images depends on the seed and the epoch alone, so a continued run sees what
an unbroken one would have seen and ends with the same weights.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from model_zoo.class_figures import OF_CLASSES, from_counts
from model_zoo.errors import UserError
from model_zoo.progress import Work, part
from model_zoo.settings.judging import METRICS
from model_zoo.training.average import RunningAverage
from model_zoo.training.batches import in_batches
from model_zoo.training.checkpoint import Checkpoint, Progress
from model_zoo.training.class_metric import counted as counted_by_class
from model_zoo.training.counted_batches import counted
from model_zoo.training.memory import is_out_of_memory
from model_zoo.training.plan import Examples, Plan

if TYPE_CHECKING:
    import keras

SEGMENT_STEPS = 50
SEGMENT_BYTES = 256 * 2**20


def fit(
    build: Callable[[int], keras.Model],
    train: Examples,
    validation: Examples,
    plan: Plan,
    folder: Path,
    on_epoch: Callable[[int, dict[str, float]], object] = lambda epoch, metrics: None,
    say: Callable[[str], None] = print,
    head_only: bool = False,
    class_weights: np.ndarray | None = None,
) -> tuple[keras.Model, Progress]:
    """Train to the end of the plan, from the last checkpoint in ``folder`` if there is one.

    When the device has no room for a batch, the batch is halved, which is said, and training goes
    on from the last checkpoint.

    Args:
        build: makes the compiled model for so many optimiser steps in all.
        on_epoch: receives the epoch (from 0) and its metrics; called again for an epoch that
            was finished but not yet reported when the process was killed.
        head_only: the training of the whole comes after it; for who follows.
        class_weights: float (classes,), how much an image of each class counts in the loss, in
            training and in validation alike; None: all count the same.

    Returns:
        The model with the weights of its best epoch by the plan's metric on the validation
        examples, and the progress.

    Raises:
        UserError: the loss is no longer finite, a checkpoint cannot be written or belongs to
            another model, or a single image is too much for the device's memory.
    """
    folder.mkdir(parents=True, exist_ok=True)
    reached = Checkpoint(folder).progress()
    if reached:
        plan = replace(plan, batch_size=reached.batch_size)  # maybe halved already
    while True:
        try:
            training = _Training(
                build, train, validation, plan, folder, on_epoch, say, class_weights
            )
            what = "the head alone" if head_only else "training"
            total, done = plan.images(len(train)), training.images_done
            with part(say, what, total, done=done, ends_step=not head_only) as work:
                return training.run(work)
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            if plan.batch_size == 1:
                raise UserError(
                    "the device's memory does not hold a single image in training: choose a "
                    "smaller image_size or backbone"
                ) from error
            plan = replace(plan, batch_size=plan.batch_size // 2)
            say(f"out of memory: going on with batches of {plan.batch_size}")


class _Training:
    """One try to train to the end of a plan."""

    def __init__(
        self,
        build: Callable[[int], keras.Model],
        train: Examples,
        validation: Examples,
        plan: Plan,
        folder: Path,
        on_epoch: Callable[[int, dict[str, float]], object],
        say: Callable[[str], None],
        class_weights: np.ndarray | None,
    ) -> None:
        self.class_weights = class_weights
        self.train, self.validation = train, validation
        self.plan, self.on_epoch, self.say = plan, on_epoch, say
        self.steps = plan.steps_per_epoch(len(train))
        self.checkpoint = Checkpoint(folder)
        self.model = build(plan.steps(len(train)))
        self.average = RunningAverage(plan.averaged_share * plan.steps(len(train)))
        self.progress = self._continue()
        self.segment = _segment_steps(train, plan)

    def _continue(self) -> Progress:
        progress = self.checkpoint.progress()
        if progress is None:
            return Progress(batch_size=self.plan.batch_size)
        self.average.weights = self.checkpoint.restore(self.model)
        progress.resumed += 1
        if progress.batch_size != self.plan.batch_size:
            more = progress.batch_size / self.plan.batch_size
            iterations = self.model.optimizer.iterations
            iterations.assign(round(int(iterations) * more))
            progress.step = min(self.steps, round(progress.step * more))
            progress.loss_sum, progress.correct_sum = (
                progress.loss_sum * more,
                progress.correct_sum * more,
            )
            progress.batch_size = self.plan.batch_size
        self.say(f"continuing at epoch {progress.epoch + 1}, step {progress.step}")
        return progress

    @property
    def images_done(self) -> int:
        steps = self.progress.epoch * self.steps + self.progress.step
        return steps * self.plan.batch_size

    def run(self, work: Work) -> tuple[keras.Model, Progress]:
        progress = self.progress
        batches = counted(work, self.plan.batch_size)
        saved_at = time.monotonic()
        while not progress.finished:
            started = time.monotonic()
            work.tell(f"epoch {progress.epoch + 1} of {self.plan.epochs}")
            self._train_segment(batches)
            progress.seconds += time.monotonic() - started
            if progress.step < self.steps:
                if time.monotonic() - saved_at > self.plan.checkpoint_seconds:
                    self._save()
                    saved_at = time.monotonic()
                    self.say(self._midway())
                continue
            started = time.monotonic()
            work.tell(f"epoch {progress.epoch + 1} of {self.plan.epochs}, validation")
            metrics = self._end_epoch(batches)
            progress.seconds += time.monotonic() - started
            work.tell(best=f"{progress.best_value:.2%}")
            self.say(self._epoch_line(metrics))
            self.on_epoch(progress.epoch - 1, metrics)
            self._save()
            saved_at = time.monotonic()
        self.model.set_weights(self.checkpoint.load_best())
        return self.model, progress

    def _save(self) -> None:
        self.checkpoint.save(self.model, self.progress, self.average.weights)

    def _train_segment(self, batches: keras.callbacks.Callback) -> None:
        plan, progress = self.plan, self.progress
        order = np.random.default_rng((plan.seed, progress.epoch)).permutation(len(self.train))
        until = min(progress.step + self.segment, self.steps)
        chosen = order[progress.step * plan.batch_size : until * plan.batch_size]
        result = self.model.fit(
            **in_batches(
                self.train.inputs(chosen, progress.epoch),
                self.train.labels[chosen],
                plan.batch_size,
                weights=self.class_weights,
            ),
            epochs=1,
            shuffle=False,
            callbacks=[batches],
            verbose=0,
        )
        loss, accuracy = result.history["loss"][0], result.history["accuracy"][0]
        if not math.isfinite(loss):
            raise UserError(
                f"the loss is {loss} in epoch {progress.epoch + 1}: training diverged. "
                "Lower the learning rate and start a run of another name"
            )
        progress.loss_sum += loss * (until - progress.step)
        progress.correct_sum += accuracy * (until - progress.step)
        self.average.update(self.model, until - progress.step)
        progress.step = until

    def _end_epoch(self, batches: keras.callbacks.Callback) -> dict[str, float]:
        progress = self.progress
        with self.average.in_place(self.model):
            held_out = self._validate(batches)
            metrics = {
                "loss": progress.loss_sum / self.steps,
                "accuracy": progress.correct_sum / self.steps,
                **{f"val_{name}": value for name, value in held_out.items()},
                "learning_rate": float(np.asarray(self.model.optimizer.learning_rate)),
            }
            value = metrics[f"val_{self.plan.metric}"]
            if value > progress.best_value or self.plan.keep == "last":
                progress.best_value = value
                progress.best_accuracy = metrics["val_accuracy"]
                progress.best_epoch = progress.epoch
                self.checkpoint.save_best(self.model.get_weights())
        progress.history.append(metrics)
        progress.epoch += 1
        progress.step, progress.loss_sum, progress.correct_sum = 0, 0.0, 0.0
        waited = progress.epoch - 1 - progress.best_epoch
        progress.stopped_early = bool(self.plan.patience) and waited >= self.plan.patience
        progress.finished = progress.epoch >= self.plan.epochs or progress.stopped_early
        return metrics

    def _validate(self, batches: keras.callbacks.Callback) -> dict[str, float]:
        """Loss, accuracy and the plan's metric on the validation examples, a segment at a time."""
        count, sums = len(self.validation), {"loss": 0.0, "accuracy": 0.0}
        by_class: Any = 0
        rows = self.segment * self.plan.batch_size
        for start in range(0, count, rows):
            chosen = np.arange(start, min(start + rows, count))
            found: dict[str, Any] = self.model.evaluate(
                **in_batches(
                    self.validation.inputs(chosen, 0),
                    self.validation.labels[chosen],
                    self.plan.batch_size,
                    weights=self.class_weights,
                ),
                callbacks=[batches],
                verbose=0,
                return_dict=True,
            )
            for name in sums:
                sums[name] += float(found[name]) * len(chosen) / count
            if self.plan.metric in OF_CLASSES:
                by_class = by_class + counted_by_class(self.model)
        if self.plan.metric in OF_CLASSES:  # no mean over segments
            sums[self.plan.metric] = float(from_counts(*by_class)[self.plan.metric])
        return sums

    def _midway(self) -> str:
        progress = self.progress
        return (
            f"epoch {progress.epoch + 1}/{self.plan.epochs}, step {progress.step}/{self.steps}: "
            f"loss {progress.loss_sum / progress.step:.3f}, accuracy "
            f"{progress.correct_sum / progress.step:.1%}, {self._pace()}"
        )

    def _epoch_line(self, metrics: dict[str, float]) -> str:
        line = (
            f"epoch {self.progress.epoch}/{self.plan.epochs}: loss {metrics['loss']:.3f}, accuracy "
            f"{metrics['accuracy']:.1%}, validation {metrics['val_accuracy']:.2%}, {self._pace()}"
        )
        if self.plan.metric in OF_CLASSES:
            value = metrics[f"val_{self.plan.metric}"]
            line += f"; {METRICS[self.plan.metric]} in validation {value:.2%}"
        if self.progress.stopped_early:
            line += f"; no better validation for {self.plan.patience} epochs: stopping"
        return line

    def _pace(self) -> str:
        progress = self.progress
        done = progress.epoch * self.steps + progress.step
        rate = done * self.plan.batch_size / max(progress.seconds, 1e-9)
        left = 0 if progress.finished else self.plan.epochs * self.steps - done
        minutes = left * self.plan.batch_size / rate / 60
        return f"{rate:,.0f} images/s, {minutes:.0f} min left"


def _segment_steps(train: Examples, plan: Plan) -> int:
    """Steps in a row, so that their inputs fit the memory however large an example is."""
    one = train.inputs(np.arange(1), 0).nbytes
    return max(1, min(SEGMENT_STEPS, SEGMENT_BYTES // (one * plan.batch_size)))
