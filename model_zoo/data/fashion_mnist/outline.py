"""Find the garment: what is cut out, or what differs from a background that the border shows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

from model_zoo.images.steps import Clear

BORDER = 0.04  # the ring from which the background is estimated, as a part of the shorter side
LEAST_CONTRAST = 14.0  # of 255; below it, differences are noise and JPEG blocks
LEAST_SHARE, MOST_SHARE = 0.004, 0.97  # of the picture; outside, nothing was told apart
SOUGHT_SIDE = 160  # outlines are sought in a copy no larger than this, then enlarged
OPAQUE = 128  # of 255: less than that is a shadow, or the garment's soft edge
LEAST_PART = 0.05  # a part counts when it has this share of the largest one's pixels


@dataclass(frozen=True)
class Garment:
    """``mask`` bool (h, w); ``box`` (top, left, bottom, right), the last two exclusive.

    ``cut`` is set where the garment was cut out already: its own picture, without a background.
    """

    mask: np.ndarray
    box: tuple[int, int, int, int]
    cut: Clear | None = None


def background(rgb: np.ndarray) -> np.ndarray:
    """The background under the whole picture, float64 (h, w, 3).

    A plane through the border of each channel, fitted twice, the second time without what lies
    far from the first: photographs are brighter on one side, and a sleeve may touch the border.
    """
    height, width = rgb.shape[:2]
    ring = max(1, round(BORDER * min(height, width)))
    edge = np.ones((height, width), bool)
    edge[ring : height - ring, ring : width - ring] = False
    y, x = np.mgrid[0:height, 0:width]
    plane = np.stack([np.ones_like(y), y / height, x / width], axis=-1).astype(np.float64)
    points, values = plane[edge], rgb[edge].astype(np.float64)
    middle = np.median(values, axis=0)
    near = np.abs(values - middle).max(axis=1) <= _spread(values - middle)
    for _ in range(2):
        fitted, *_rest = np.linalg.lstsq(points[near], values[near], rcond=None)
        gap = np.abs(values - points @ fitted).max(axis=1)
        near = gap <= _spread(gap)
    return plane @ fitted


def _spread(gaps: np.ndarray) -> float:
    return float(max(3 * 1.4826 * np.median(np.abs(gaps)), LEAST_CONTRAST))


def find_garment(rgb: np.ndarray) -> Garment | None:
    """The large connected parts that differ from the background in any channel, or None.

    Args:
        rgb: uint8 (h, w, 3).
    """
    picture = Image.fromarray(np.ascontiguousarray(rgb))
    small = np.asarray(picture.reduce(max(1, max(picture.size) // SOUGHT_SIDE)))
    outline = _outline(small)
    if outline is None:
        return None
    enlarged = Image.fromarray(outline).resize(picture.size, Image.Resampling.NEAREST)
    mask = np.asarray(enlarged)
    return Garment(mask, _box(mask))


def cut_out(cut: Clear | None) -> Garment | None:
    """The garment that somebody has cut out already, or None where nothing or nearly all is.

    Args:
        cut: the picture as it was before its transparent parts got a ground; None: it has none.
    """
    if cut is None:
        return None
    mask = cut.opacity >= OPAQUE
    return Garment(mask, _box(mask), cut) if LEAST_SHARE <= mask.mean() <= MOST_SHARE else None


def _box(mask: np.ndarray) -> tuple[int, int, int, int]:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1


def _outline(rgb: np.ndarray) -> np.ndarray | None:
    from scipy import ndimage

    gap = np.abs(rgb - background(rgb)).max(axis=2)
    found = gap > max(otsu(gap) * 0.7, LEAST_CONTRAST)
    if max(found.shape) >= SOUGHT_SIDE // 2:  # single pixels are noise there
        found = ndimage.binary_opening(found)
    parts, count = ndimage.label(found)
    if not count:
        return None
    sizes = np.bincount(parts.ravel())[1:]
    kept = np.flatnonzero(sizes >= LEAST_PART * sizes.max()) + 1
    mask = ndimage.binary_fill_holes(np.isin(parts, kept))
    return mask if LEAST_SHARE <= mask.mean() <= MOST_SHARE else None


def otsu(values: np.ndarray) -> float:
    """The threshold of 0..255 that separates two groups best (Otsu 1979)."""
    counts, edges = np.histogram(values, bins=256, range=(0, 256))
    middles = (edges[:-1] + edges[1:]) / 2
    below = counts.cumsum()
    above = counts.sum() - below
    sums = (counts * middles).cumsum()
    with np.errstate(divide="ignore", invalid="ignore"):
        gap = sums / below - (sums[-1] - sums) / above
    between = np.nan_to_num(below * above * gap**2)
    return float(edges[1 + int(between.argmax())])
