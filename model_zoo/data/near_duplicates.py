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
IN_CACHE = 8 * 128 * 128 * 3  # numbers of the images whose prints are made together
IN_MEMORY = 2**14  # prints that are worked on as wider numbers
AT_ONCE = 2**20  # pairs that are looked at together
#: One more than the signs that may differ.
PIECES = MOST_SIGNS + 1
PIECE_BITS = 64 // PIECES


def prints_of(images: np.ndarray) -> np.ndarray:
    """Prints, uint8 (N, 200), of images uint8 (N, h, w) or (N, h, w, 3)."""
    found = np.empty((len(images), PRINT_BYTES), np.uint8)
    height, width = images.shape[1:3]
    down = np.concatenate([_cosines(height), _fields(height)])
    together = max(1, IN_CACHE // max(1, int(np.prod(images.shape[1:]))))
    for start in range(0, len(images), together):
        some = images[start : start + together]
        here = slice(start, start + len(some))
        # Both weigh the rows first, which makes sixteen of them; the mean of colours can wait.
        bands = down @ some.astype(np.float32).reshape(len(some), height, -1)
        bands = bands.reshape(len(some), len(down), width, -1)
        waves = (bands[:, :SIDE].mean(axis=3) @ _cosines(width).T).reshape(len(some), -1)
        signs = waves > np.median(waves[:, 1:], axis=1, keepdims=True)
        signs[:, 0] = False  # the mean brightness is no sign
        fields = np.moveaxis(bands[:, SIDE:], 3, 1) @ _fields(width).T
        found[here, :8] = np.packbits(signs, axis=1)
        colours = np.rint(fields).astype(np.uint8).reshape(len(some), -1, SIDE * SIDE)
        found[here, 8:] = np.broadcast_to(colours, (len(some), 3, SIDE * SIDE)).reshape(
            len(some), -1
        )
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

    Of two prints with at most six signs that differ, one of seven pieces at least is equal (as in
    Norouzi, Punjani, Fleet, "Fast Search in Hamming Space with Multi-Index Hashing", CVPR 2012), so
    only images that share a piece are compared: a seventieth of all, and every pair is found.

    Args:
        prints: uint8 (N, 200).
        new: rows of those that were not compared before, integers.
    """
    if not len(new):
        return
    deviations = [prints[here, 8:].std(axis=1) for here in _slices(len(prints), IN_MEMORY)]
    rows = np.flatnonzero(np.concatenate(deviations) >= LEAST_DEVIATION)
    if not len(rows):
        return
    is_new = np.zeros(len(prints), bool)
    is_new[new] = True
    signs = np.ascontiguousarray(prints[:, :8]).view(np.uint64).ravel()
    found: list[np.ndarray] = []
    for piece in range(PIECES):
        values = _piece(signs[rows], piece)
        order = np.argsort(values, kind="stable")
        for bucket in np.split(rows[order], np.flatnonzero(np.diff(values[order])) + 1):
            fresh = bucket[is_new[bucket]]
            for here in _slices(len(fresh), max(1, AT_ONCE // len(bucket))):
                found.append(_alike(fresh[here], bucket, signs, prints, piece))
    ones, others = np.concatenate([np.empty((2, 0), np.int64), *found], axis=1)
    twice = is_new[others] & (others <= ones)  # both are new: told from the older one's side
    once = np.flatnonzero(~twice & (ones != others))
    for place in once[np.lexsort((others[once], ones[once]))]:
        yield int(ones[place]), int(others[place])


def _alike(
    ones: np.ndarray, others: np.ndarray, signs: np.ndarray, prints: np.ndarray, piece: int
) -> np.ndarray:
    """Pairs, integers (2, n), that differ little and share no earlier piece: each is found once."""
    differing = signs[ones][:, None] ^ signs[others]
    one, other = np.nonzero(np.bitwise_count(differing) <= MOST_SIGNS)
    differing = differing[one, other]
    first = np.ones(len(one), bool)
    for earlier in range(piece):
        first &= _piece(differing, earlier) != 0
    pairs = np.stack([ones[one[first]], others[other[first]]])
    near = np.zeros(pairs.shape[1], bool)
    for here in _slices(len(near), IN_MEMORY):
        colours, theirs = (prints[rows, 8:].astype(np.int16) for rows in pairs[:, here])
        near[here] = np.abs(colours - theirs).mean(axis=1) <= MOST_COLOUR
    return pairs[:, near]


def _piece(signs: np.ndarray, number: int) -> np.ndarray:
    """Nine of the 64 signs, the last piece ten, as a number."""
    bits = 64 - PIECE_BITS * (PIECES - 1) if number == PIECES - 1 else PIECE_BITS
    return (signs >> np.uint64(PIECE_BITS * number)) & np.uint64(2**bits - 1)


def _slices(length: int, size: int) -> Iterator[slice]:
    return (slice(start, start + size) for start in range(0, length, size))
