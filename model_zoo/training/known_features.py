"""Features of images that were seen before, in whatever set of images that was.

Beside each file of features lie the digests of its images' pixels. A file for other images takes
the rows of those that it shares with files of the same family (the same frozen part, augmentation
and view), so that a run on a few new images computes the few. An augmented view of an old image is
the one that was drawn then.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from model_zoo.files import complete_or_absent

SUFFIX = ".looks"
COPIED_AT_ONCE = 4096


def name_of(family: str, looks: np.ndarray, labels: np.ndarray) -> str:
    """A file's name: its family, and which images in which order."""
    value = hashlib.sha256(np.ascontiguousarray(looks).data)
    value.update(np.ascontiguousarray(labels).data)
    return f"{family}-{value.hexdigest()[:16]}"


def note_looks(path: Path, looks: np.ndarray) -> None:
    """Say beside a file of features, before it is there, whose they are."""
    with complete_or_absent(path.with_suffix(SUFFIX)) as partial, partial.open("wb") as file:
        np.save(file, looks, allow_pickle=False)


def copy_known(path: Path, family: str, looks: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Fill the rows of ``target`` that other files of the family have.

    Args:
        path: of the features to come.
        looks: of their images.
        target: float16 (N, ...).

    Returns:
        The rows that are still to be computed, integers, in their order.
    """
    missing = np.ones(len(looks), bool)
    others = sorted(path.parent.glob(f"{family}-*.npy"), key=lambda one: -one.stat().st_mtime)
    for other in others:
        beside = other.with_suffix(SUFFIX)
        if other == path or not beside.exists() or not missing.any():
            continue
        theirs = np.load(beside, allow_pickle=False)
        stored = np.load(other, mmap_mode="r", allow_pickle=False)
        if stored.shape[1:] != target.shape[1:] or len(theirs) != len(stored):
            continue
        order = np.argsort(theirs, kind="stable")
        place = np.minimum(np.searchsorted(theirs[order], looks), len(theirs) - 1)
        rows = order[place]
        shared = np.flatnonzero(missing & (theirs[rows] == looks))
        for start in range(0, len(shared), COPIED_AT_ONCE):
            some = shared[start : start + COPIED_AT_ONCE]
            target[some] = stored[rows[some]]
        missing[shared] = False
    return np.flatnonzero(missing)
