"""Statistics of a garment on black, by which a picture unlike the dataset's is told.

It says "a garment of the dataset never fills so little of its picture", not "this is no garment".
"""

from __future__ import annotations

import numpy as np

from model_zoo.images.statistics import register_statistic

INK = 25  # a pixel brighter than this belongs to the garment
CORNER = 14  # a corner is this part of a side


@register_statistic(
    "covered",
    too_low="the garment covers too little of the image",
    too_high="the garment covers too much of it",
)
def covered(images: np.ndarray) -> np.ndarray:
    """Share of pixels that belong to the garment, 0..1."""
    return (images > INK).mean(axis=(1, 2))


@register_statistic(
    "extent",
    too_low="the garment does not reach two opposite edges",
    too_high="it reaches beyond the edges",
)
def extent(images: np.ndarray) -> np.ndarray:
    """Longest side of the garment's bounding box over the image's, 0..1."""
    garment = images > INK
    return np.maximum(*(_extent(np.any(garment, axis=axis)) for axis in (1, 2)))


@register_statistic(
    "garment-brightness",
    too_low="the garment is unusually dark",
    too_high="the garment is unusually bright",
)
def garment_brightness(images: np.ndarray) -> np.ndarray:
    """Mean of the garment's pixels, 0..255."""
    garment = images > INK
    total = (images * garment).sum(axis=(1, 2), dtype=np.int64)
    return total / np.maximum(garment.sum(axis=(1, 2)), 1)


@register_statistic(
    "at-the-corners",
    too_low="the corners are unusually dark",
    too_high="the corners are not black",
)
def at_the_corners(images: np.ndarray) -> np.ndarray:
    """Mean of the four corners, 0..255."""
    size = max(1, images.shape[1] // CORNER)
    ends = (slice(size), slice(-size, None))
    corners = [images[:, rows, columns].mean(axis=(1, 2)) for rows in ends for columns in ends]
    return np.mean(corners, axis=0)


def _extent(used: np.ndarray) -> np.ndarray:
    """Share of a side between the first and the last True; (N, side) -> (N,)."""
    side = used.shape[1]
    length = side - used.argmax(axis=1) - used[:, ::-1].argmax(axis=1)
    return np.where(used.any(axis=1), length / side, 0.0)
