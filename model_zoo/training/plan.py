"""What is trained on, and for how long."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np


class Examples(Protocol):
    """What a model is trained on: raw images, or features that a frozen trunk made of them."""

    @property
    def labels(self) -> np.ndarray: ...

    def __len__(self) -> int: ...

    def inputs(self, indices: np.ndarray, epoch: int) -> np.ndarray:
        """The model's inputs for some examples in an epoch (from 0)."""


@dataclass(frozen=True)
class Plan:
    """How to fit.

    Attributes:
        epochs: at the most.
        batch_size: images a step.
        patience: epochs without a better validation accuracy before stopping; 0: never.
        averaged_share: part of all steps that the running average of the weights looks back.
        metric: what the best epoch is best in, on the validation images: see
            ``model_zoo.class_figures``.
        keep: the epoch whose weights a training ends with. The best one by validation is the best
            but for its noise, some half a point of 3,000 images; where the rate has fallen to zero
            the last one is, whatever that says.
    """

    epochs: int
    batch_size: int
    patience: int
    seed: int
    averaged_share: float = 0.0
    checkpoint_seconds: float = 60.0
    metric: str = "accuracy"
    keep: Literal["best", "last"] = "best"

    def steps_per_epoch(self, count: int) -> int:
        return max(1, count // self.batch_size)  # the last partial batch waits for another epoch

    def steps(self, count: int) -> int:
        return self.epochs * self.steps_per_epoch(count)

    def images(self, count: int) -> int:
        """How many passes of an image all steps together are."""
        return self.steps(count) * self.batch_size
