"""What images of the dataset look like in a few numbers, to tell when one looks otherwise.

Deliberately simple: it says "a garment of the dataset never fills so little of its picture", not
"this is no garment". Taken from the training images when a version is evaluated, and carried by
the version.
"""

from __future__ import annotations

import numpy as np

INK = 25  # a pixel brighter than this belongs to the garment
QUANTILES = (0.001, 0.999)
#: Each statistic with the words for one that is too low and too high.
WORDS: dict[str, tuple[str, str]] = {
    "covered": ("the garment covers too little of the image", "the garment covers too much of it"),
    "extent": ("the garment does not reach two opposite edges", "it reaches beyond the edges"),
    "brightness": ("the garment is unusually dark", "the garment is unusually bright"),
    "roughness": ("it is unusually smooth", "it is unusually noisy or patterned"),
    "at_the_corners": ("the corners are unusually dark", "the corners are not black"),
}


def measure(images: np.ndarray) -> dict[str, np.ndarray]:
    """The statistics of uint8 (N, h, w), each float64 (N,).

    covered: share of pixels that belong to the garment, 0..1; extent: longest side of its bounding
    box over the image's; brightness: mean of the garment's pixels, 0..255; roughness: mean absolute
    difference of neighbours, 0..255; at_the_corners: mean of the four corners, 0..255.
    """
    wide = images.astype(np.int16)
    garment = np.asarray(images > INK)
    pixels = garment.sum(axis=(1, 2))
    rows, columns = np.any(garment, axis=2), np.any(garment, axis=1)
    corner = max(1, images.shape[1] // 14)
    corners = [
        wide[:, y, x].mean(axis=(1, 2))
        for y in (slice(corner), slice(-corner, None))
        for x in (slice(corner), slice(-corner, None))
    ]
    return {
        "covered": garment.mean(axis=(1, 2)),
        "extent": np.maximum(_extent(rows), _extent(columns)),
        "brightness": (wide * garment).sum(axis=(1, 2)) / np.maximum(pixels, 1),
        "roughness": (
            np.abs(np.diff(wide, axis=1)).mean(axis=(1, 2))
            + np.abs(np.diff(wide, axis=2)).mean(axis=(1, 2))
        )
        / 2,
        "at_the_corners": np.mean(corners, axis=0),
    }


def _extent(used: np.ndarray) -> np.ndarray:
    """Share of a side between the first and the last True; (N, side) -> (N,)."""
    side = used.shape[1]
    length = side - used.argmax(axis=1) - used[:, ::-1].argmax(axis=1)
    return np.where(used.any(axis=1), length / side, 0.0)


def summarise(images: np.ndarray) -> dict[str, list[float]]:
    """The 0.1 % and 99.9 % quantiles of each statistic over uint8 (N, h, w)."""
    return {
        name: [round(float(value), 4) for value in np.quantile(values, QUANTILES)]
        for name, values in measure(images).items()
    }


def unlike(image: np.ndarray, recorded: dict[str, list[float]]) -> list[str]:
    """In words, in what a uint8 (h, w) lies outside the recorded quantiles; empty: in nothing."""
    found = []
    for name, values in measure(image[None]).items():
        if name in recorded:
            low, high = recorded[name]
            value = float(values[0])
            if value < low:
                found.append(WORDS[name][0])
            elif value > high:
                found.append(WORDS[name][1])
    return found
