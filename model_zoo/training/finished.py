"""Whether the classifier that is kept is the one that training saw."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from model_zoo.data.dataset import Images
from model_zoo.errors import UserError
from model_zoo.training.setup import TrainingSetup

if TYPE_CHECKING:
    import keras

MOST_IMAGES = 256  # a few seconds of any network
ROWS = 32
#: How many fewer may be right: bfloat16 or another order of sums tips a few that are close.
MOST_LOST = 0.02


def right_in_training(setup: TrainingSetup, validation: Images) -> int:
    """How many of the images that are looked at the trained part is right on."""
    chosen = _chosen(validation)
    return sum(
        _right(setup.trained, setup.validation.inputs(some, 0), validation.labels[some])
        for some in chosen
    )


def check_finished(finished: keras.Model, seen: int, validation: Images) -> None:
    """Compare what is kept with what was trained, on validation images from all over the set.

    They differ where features on disk are not those of the frozen layers, or where a layer does
    something else in training than it does in the finished classifier.

    Args:
        seen: what :func:`right_in_training` found.

    Raises:
        UserError: the finished classifier is worse than training saw.
    """
    chosen = _chosen(validation)
    count = sum(map(len, chosen))
    right = sum(
        _right(finished, validation.images[some], validation.labels[some]) for some in chosen
    )
    if seen - right > max(3, MOST_LOST * count):
        raise UserError(
            f"the finished classifier is right on {right / count:.1%} of {count} validation "
            f"images, where training saw {seen / count:.1%}: a layer does not do the same in both. "
            "If the backbone comes from a plugin, run `catwalk backbones --check` on it; remove "
            "the folder `features` in the cache, then start a run of another name"
        )


def _chosen(validation: Images) -> list[np.ndarray]:
    """Rows, a batch at a time."""
    count = min(MOST_IMAGES, len(validation))
    every = np.linspace(0, len(validation) - 1, count).astype(int)
    return [every[start : start + ROWS] for start in range(0, count, ROWS)]


def _right(model: keras.Model, inputs: np.ndarray, labels: np.ndarray) -> int:
    found = np.asarray(model(np.asarray(inputs), training=False))  # not traced for a few batches
    return int((found.argmax(axis=1) == labels).sum())
