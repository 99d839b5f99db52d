"""What the trials of a search train on: images, or what a frozen trunk makes of them.

Written once by whoever leads the search, to where every trial, in any process or on another
machine, reads it. With a pretrained trunk a trial trains the head alone, on pooled features: a few
thousand numbers an image instead of a pass through the network.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from model_zoo.backbones.contract import NO_WEIGHTS
from model_zoo.config import Settings
from model_zoo.data.dataset import Dataset, Images
from model_zoo.files import complete_or_absent

EXAMPLES = "examples.npz"


@dataclass(frozen=True)
class TrialExamples:
    """The arrays of one search.

    Attributes:
        pooled: whether the inputs are pooled features float32 (N, channels), every augmented view
            of the training images one after the other, rather than images uint8 (N, h, w).
        precision: the Keras dtype policy in which the trials train.
    """

    train: tuple[np.ndarray, np.ndarray]
    validation: tuple[np.ndarray, np.ndarray]
    pooled: bool
    precision: str


def on_pooled_features(settings: Settings) -> bool:
    """Whether trials train the head alone. Not if they differ in what is frozen."""
    return settings.weights != NO_WEIGHTS and not settings.search_unfrozen_blocks


def write_examples(
    settings: Settings, dataset: Dataset, training: Images, validation: Images, folder: Path
) -> None:
    """Leave what trials train on in ``folder``: the first ``search_limit`` training images, half as
    many validation images.

    Features are computed for all training images, as the training after the search reads them
    too; in a process of its own, so that the one that leads the search holds no device.

    Raises:
        UserError: weights that cannot be had, or no room to write.
    """
    if (folder / EXAMPLES).exists():
        return
    if on_pooled_features(settings):
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
            given = (settings, dataset, training, validation, folder)
            process.submit(_write_pooled, *given).result()
        return
    few, held_out = _first(settings.search_limit), _first(settings.search_limit // 2)
    train, val = training.take(few(training)), validation.take(held_out(validation))
    keep_examples(
        folder,
        TrialExamples(
            (train.images, train.labels), (val.images, val.labels), False, settings.precision
        ),
    )


def read_examples(folder: Path) -> TrialExamples:
    with np.load(folder / EXAMPLES) as stored:
        return TrialExamples(
            (stored["train"], stored["train_labels"]),
            (stored["validation"], stored["validation_labels"]),
            bool(stored["pooled"]),
            str(stored["precision"]),
        )


def _write_pooled(
    settings: Settings, dataset: Dataset, training: Images, validation: Images, folder: Path
) -> None:
    from model_zoo.backbones import discover
    from model_zoo.training.phases import pooled_examples

    discover(settings.plugins_dir)
    train, held_out = pooled_examples(
        dataset, settings, training, validation, _first(settings.search_limit)(training), _say
    )
    val = held_out.take(_first(settings.search_limit // 2)(validation))
    keep_examples(
        folder,
        TrialExamples(
            (np.concatenate(train.views), np.tile(train.labels, len(train.views))),
            (val.views[0], val.labels),
            True,
            settings.precision,
        ),
    )


def keep_examples(folder: Path, examples: TrialExamples) -> None:
    """Write them, complete or not at all."""
    with complete_or_absent(folder / EXAMPLES) as partial:
        np.savez(
            partial,
            train=examples.train[0],
            train_labels=examples.train[1],
            validation=examples.validation[0],
            validation_labels=examples.validation[1],
            pooled=examples.pooled,
            precision=examples.precision,
        )


def _first(limit: int) -> Callable[[Images], np.ndarray]:
    return lambda images: np.arange(min(limit, len(images)))


def _say(sentence: str) -> None:
    print(sentence, flush=True)
