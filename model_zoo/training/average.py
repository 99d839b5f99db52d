"""A running average of the weights, which generalises better than the last ones.

Polyak & Juditsky 1992; for networks: Izmailov et al. 2018, arXiv:1803.05407. Updated after each
segment of training rather than each step: the same average, at no cost in the step. The moving
statistics of batch normalisation are averaged too.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import keras


class RunningAverage:
    """Exponential average over about the last ``horizon`` steps; below one step there is none."""

    def __init__(self, horizon: float) -> None:
        self.horizon = horizon
        self.weights: list[np.ndarray] | None = None

    def update(self, model: keras.Model, steps: int) -> None:
        """Take in the model's weights, ``steps`` after the last time."""
        if self.horizon < 1:
            return
        now = model.get_weights()
        if self.weights is None:
            self.weights = now
            return
        kept = math.exp(-steps / self.horizon)
        for average, value in zip(self.weights, now, strict=True):
            if np.issubdtype(average.dtype, np.floating):
                average *= kept
                average += (1 - kept) * value
            else:
                average[...] = value  # the state of a random layer

    @contextmanager
    def in_place(self, model: keras.Model) -> Iterator[None]:
        """The model has the averaged weights inside the block, its own after it."""
        if self.weights is None:
            yield
            return
        own = model.get_weights()
        model.set_weights(self.weights)
        try:
            yield
        finally:
            model.set_weights(own)
