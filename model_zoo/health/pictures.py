"""Images that show little: blank, dark, washed out, blurred; by a few numbers an image.

Own lines and not cleanvision: the images are decoded already, as slices of uint8, and these are
four numbers of each; cleanvision wants files or PIL images one by one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from model_zoo.data.pixels import Pixels, chunks_of

#: Deviation of the grey values, of 255, below which an image is blank.
LEAST_DEVIATION = 3.0
#: Grey value that but one in a hundred pixels of a dark image stay below.
DARK = 40
#: Grey value that but one in a hundred pixels of a washed-out image lie above.
LIGHT = 225
#: Variance of the Laplacian, as part of that of the grey values, below which nothing is sharp.
#: A photograph of 128 pixels has 0.1 to 2, and 0.005 after a Gaussian blur of 3 pixels.
LEAST_SHARPNESS = 0.01
#: A file is of an odd size whose bytes are so many times more, or fewer, than the median.
ODD_SIZE = 20
#: The share of pixels that may be as they like, a speck or a frame.
SPECK = 0.01


@dataclass(frozen=True)
class Seen:
    """``blank``, ``dark``, ``light``, ``blurred``: bool (N,); an image has one of them at most."""

    blank: np.ndarray
    dark: np.ndarray
    light: np.ndarray
    blurred: np.ndarray


def looked_at(images: Pixels, advance: Callable[[int], object] = lambda count: None) -> Seen:
    """What each of uint8 (N, h, w[, 3]) shows too little of; read in slices."""
    found = []
    for some in chunks_of(images):
        found.append(_of_some(some))
        advance(len(some))
    return Seen(*(np.concatenate(one) for one in zip(*found, strict=True)))


def _of_some(images: np.ndarray) -> tuple[np.ndarray, ...]:
    grey = images if images.ndim == 3 else images.mean(axis=3).astype(np.uint8)
    flat = grey.reshape(len(grey), -1)
    all_but_a_speck = flat.shape[1] - max(1, int(SPECK * flat.shape[1]))
    values = grey.astype(np.float32)
    variance = _variance(values)
    blank = variance < LEAST_DEVIATION**2
    dark = ~blank & ((flat < DARK).sum(axis=1) >= all_but_a_speck)
    light = ~blank & ((flat > LIGHT).sum(axis=1) >= all_but_a_speck)
    sharpness = _variance(_edges(values)) / np.maximum(variance, 1)
    blurred = ~(blank | dark | light) & (sharpness < LEAST_SHARPNESS)
    return blank, dark, light, blurred


def _edges(values: np.ndarray) -> np.ndarray:
    """The Laplacian of grey values, float32 (N, h - 2, w - 2)."""
    found = 4 * values[:, 1:-1, 1:-1]
    for beside in (
        values[:, :-2, 1:-1], values[:, 2:, 1:-1], values[:, 1:-1, :-2], values[:, 1:-1, 2:]
    ):  # fmt: skip
        found -= beside
    return np.asarray(found)


def _variance(values: np.ndarray) -> np.ndarray:
    """Of float32 (N, h, w), float32 (N,)."""
    flat = values.reshape(len(values), -1)
    flat = flat - flat.mean(axis=1, keepdims=True)
    return np.asarray(np.einsum("ij,ij->i", flat, flat) / flat.shape[1])


def odd_sizes(sizes: np.ndarray) -> np.ndarray:
    """Which files have far more or far fewer bytes than most, bool (N,)."""
    if not len(sizes):
        return np.zeros(0, bool)
    middle = float(np.median(sizes))
    return np.asarray((sizes * ODD_SIZE < middle) | (sizes > middle * ODD_SIZE))
