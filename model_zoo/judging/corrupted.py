"""What a file answers on corrupted copies of test images, the same ones for every version."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from model_zoo.data.pixels import Pixels
from model_zoo.evaluation.corruptions import SEVERITIES, corrupted

SEED = 18


@dataclass(frozen=True)
class Corrupted:
    """Answers of one file.

    Attributes:
        members: integers (n,), which of the test images were corrupted.
        predicted: by corruption and severity, as ``noise 1``: integers (n,), of the file's own
            numbers.
    """

    members: np.ndarray
    predicted: dict[str, np.ndarray]


def ask(
    answer: Callable[[np.ndarray], np.ndarray],
    images: Pixels,
    corruptions: Sequence[str],
    most: int,
) -> Corrupted:
    """Corrupt ``most`` of the test images, always the same ones, and take the answers.

    Args:
        answer: uint8 (n, h, w) or (n, h, w, 3) -> predicted classes (n,).
    """
    members = np.random.default_rng(SEED).permutation(len(images))[:most]
    names = [(name, severity) for name in corruptions for severity in SEVERITIES]
    return Corrupted(
        members,
        {
            f"{name} {severity}": answer(corrupted(images[members], name, severity))
            for name, severity in names
        },
    )
