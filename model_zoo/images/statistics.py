"""What images of a dataset look like in a few numbers, to tell when one looks otherwise.

Deliberately simple: it says "no image of the dataset is this dark", not "this is something else".
A dataset names the statistics that suit it, and may register some of its own; they are taken from
its training images when a version is evaluated, and carried by the version.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from model_zoo.plugin_registry import Registry

QUANTILES = (0.001, 0.999)
MEASURED_AT_ONCE = 4096  # images at the most, of so many bytes:
MEASURED_BYTES = 8 * 2**20  # a statistic may need several times their memory

#: uint8 (N, h, w) or (N, h, w, 3) -> float (N,).
Measure = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Statistic:
    """``too_low`` and ``too_high`` are what is said of an image outside what was recorded."""

    name: str
    measure: Measure
    too_low: str
    too_high: str


STATISTICS: Registry[Statistic] = Registry("statistic of images")


def register_statistic(name: str, too_low: str, too_high: str) -> Callable[[Measure], Measure]:
    """Register the decorated function as a statistic that datasets may name.

    Raises:
        DuplicateName: the name is taken; names both files.
    """

    def register(measure: Measure) -> Measure:
        STATISTICS.add(name, Statistic(name, measure, too_low, too_high), measure)
        return measure

    return register


def summarise(images: Any, names: Collection[str]) -> dict[str, list[float]]:
    """The 0.1 % and 99.9 % quantiles of statistics over uint8 (N, h, w) or (N, h, w, 3).

    Args:
        images: an array, or what gives arrays when it is sliced.

    Raises:
        UserError: no statistic has one of the names.
    """
    found = {}
    for name in names:
        quantiles = np.quantile(measured(images, name), QUANTILES)
        found[name] = [round(float(value), 4) for value in quantiles]
    return found


def measured(images: Any, name: str) -> np.ndarray:
    """A statistic of each image, float (N,), some megabytes of them at a time.

    Args:
        images: uint8 (N, h, w) or (N, h, w, 3), or what gives such arrays when it is sliced.

    Raises:
        UserError: no statistic has the name.
    """
    statistic = STATISTICS.get(name)
    bytes_each = max(1, int(np.prod(images.shape[1:])))
    rows = max(1, min(MEASURED_AT_ONCE, MEASURED_BYTES // bytes_each))
    return np.concatenate(
        [
            statistic.measure(np.asarray(images[start : start + rows]))
            for start in range(0, len(images), rows)
        ]
    )


def unlike(image: np.ndarray, recorded: Mapping[str, list[float]]) -> list[str]:
    """In words, in what one image lies outside the recorded quantiles; empty: in nothing.

    A name that is not registered here is passed over: the dataset's plugin may not be installed
    where its version is served.
    """
    found = []
    for name, (low, high) in recorded.items():
        if name not in STATISTICS:
            continue
        statistic = STATISTICS.get(name)
        value = float(statistic.measure(image[None])[0])
        if value < low:
            found.append(statistic.too_low)
        elif value > high:
            found.append(statistic.too_high)
    return found


@register_statistic("brightness", "it is unusually dark", "it is unusually bright")
def brightness(images: np.ndarray) -> np.ndarray:
    """Mean of all pixels, 0..255."""
    return images.mean(axis=_all_but_first(images))


@register_statistic(
    "contrast", "it has unusually little contrast", "it has unusually much contrast"
)
def contrast(images: np.ndarray) -> np.ndarray:
    """Standard deviation of all pixels, 0..127.5."""
    return images.std(axis=_all_but_first(images))


@register_statistic("roughness", "it is unusually smooth", "it is unusually noisy or patterned")
def roughness(images: np.ndarray) -> np.ndarray:
    """Mean absolute difference of neighbours, 0..255."""
    wide, axes = images.astype(np.int16), _all_but_first(images)
    down, across = (np.abs(np.diff(wide, axis=axis)).mean(axis=axes) for axis in (1, 2))
    return (down + across) / 2


def _all_but_first(images: np.ndarray) -> tuple[int, ...]:
    return tuple(range(1, images.ndim))
