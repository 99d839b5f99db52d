"""Which images are all but the same: another size or quality, a little lighter, re-encoded.

A print of 200 bytes an image: the signs of its 8 x 8 lowest frequencies against their median (the
discrete cosine transform of its grey values; Zauner, "Implementation and Benchmarking of Perceptual
Image Hash Functions", 2010, section 3.2.1, and the package imagehash, whose ``phash`` this is but
for the sampling), and the mean colours of 8 x 8 fields. Two images are near duplicates when few
signs differ *and* the colours are close: signs alone make one group of every heart or flag.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import numpy as np

SIDE = 8
#: Signs that may differ, of 63, and the mean difference of colours, of 255.
MOST_SIGNS = 6
MOST_COLOUR = 5.0
#: Deviation of the colours below which an image is a blank: its signs are noise.
LEAST_DEVIATION = 3.0
PRINT_BYTES = 8 + 3 * SIDE * SIDE
AT_ONCE = 2**24  # pairs that are looked at together
TOGETHER = 256  # new images that share their neighbours


def prints_of(images: np.ndarray) -> np.ndarray:
    """Prints, uint8 (N, 200), of images uint8 (N, h, w) or (N, h, w, 3)."""
    found = np.empty((len(images), PRINT_BYTES), np.uint8)
    for start in range(0, len(images), 64):
        some = images[start : start + 64].astype(np.float32)
        colour = some if some.ndim == 4 else np.repeat(some[..., None], 3, axis=3)
        grey = colour.mean(axis=3)
        height, width = grey.shape[1:]
        waves = _cosines(height) @ grey @ _cosines(width).T
        waves = waves.reshape(len(some), -1)
        signs = waves > np.median(waves[:, 1:], axis=1, keepdims=True)
        signs[:, 0] = False  # the mean brightness is no sign
        fields = _fields(height) @ np.moveaxis(colour, 3, 1) @ _fields(width).T
        here = slice(start, start + len(some))
        found[here, :8] = np.packbits(signs, axis=1)
        found[here, 8:] = np.rint(fields).reshape(len(some), -1)
    return found


@lru_cache
def _cosines(length: int) -> np.ndarray:
    """The eight lowest cosines over so many pixels, float32 (8, length)."""
    places = (np.arange(length) + 0.5) / length
    return np.cos(np.pi * np.arange(SIDE)[:, None] * places).astype(np.float32)


@lru_cache
def _fields(length: int) -> np.ndarray:
    """Weights that average pixels in eight fields, float32 (8, length)."""
    edges = np.linspace(0, length, SIDE + 1)
    pixels = np.arange(length)
    shares = np.minimum(pixels + 1, edges[1:, None]) - np.maximum(pixels, edges[:-1, None])
    weights = np.clip(shares, 0, None)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), np.float32)


def near_pairs(prints: np.ndarray, new: np.ndarray) -> Iterator[tuple[int, int]]:
    """Pairs of near duplicates of which one at least is new, each once: (the new one, the other).

    Args:
        prints: uint8 (N, 200).
        new: rows of those that were not compared before, integers.
    """
    if not len(new):
        return
    signs = np.ascontiguousarray(prints[:, :8]).view(np.uint64).ravel()
    colours = prints[:, 8:].astype(np.int16)
    usable = prints[:, 8:].std(axis=1) >= LEAST_DEVIATION
    is_new = np.zeros(len(prints), bool)
    is_new[new] = True
    # Colours that differ by so much at the most have means that do: in the order of their means an
    # image is compared with its neighbours alone, a twelfth of all where brightness varies.
    means = colours.mean(axis=1)
    everything = np.flatnonzero(usable)
    everything = everything[np.argsort(means[everything], kind="stable")]
    sorted_means = means[everything]
    fresh = everything[is_new[everything]]
    rows = min(TOGETHER, max(1, AT_ONCE // len(prints)))
    for start in range(0, len(fresh), rows):
        some = fresh[start : start + rows]
        near = everything[
            np.searchsorted(sorted_means, means[some[0]] - MOST_COLOUR) : np.searchsorted(
                sorted_means, means[some[-1]] + MOST_COLOUR, side="right"
            )
        ]
        differing = np.bitwise_count(signs[some][:, None] ^ signs[near][None, :])
        for place, neighbour in zip(*np.nonzero(differing <= MOST_SIGNS), strict=True):
            one, other = int(some[place]), int(near[neighbour])
            if one == other or (is_new[other] and other < one):
                continue
            if np.abs(colours[one] - colours[other]).mean() <= MOST_COLOUR:
                yield one, other
