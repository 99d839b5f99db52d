"""The images that two versions are compared on: known by digest, their classes by name."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from model_zoo.comparison.recorded import Recorded
from model_zoo.judging.contest import some


@dataclass(frozen=True)
class CommonImages:
    """What both were asked.

    Attributes:
        first, second: integers (n,), the places of the images in each one's own test set.
        labels: the first's classes, then those that only the second has.
        truth, of_first, of_second: integers (n,), true and predicted classes, by ``labels``.
        notes: in what the two test sets differ, in sentences; none: in nothing.
    """

    first: np.ndarray
    second: np.ndarray
    labels: tuple[str, ...]
    truth: np.ndarray
    of_first: np.ndarray
    of_second: np.ndarray
    notes: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.truth)

    @property
    def first_right(self) -> np.ndarray:
        """bool (n,)."""
        return self.of_first == self.truth

    @property
    def second_right(self) -> np.ndarray:
        """bool (n,)."""
        return self.of_second == self.truth


def common_images(a: Recorded, b: Recorded) -> CommonImages:
    """Images that both were judged on, under one label that both know."""
    labels = (*a.labels, *(one for one in b.labels if one not in a.labels))
    theirs = np.array([labels.index(one) for one in b.labels])
    first, second = _same_images(a.digests, b.digests)
    truth, truth_there = a.truth[first], theirs[b.truth[second]]
    notes = _images_in_words(a, b, len(first))
    both = set(a.labels) & set(b.labels)
    known = np.isin(truth, [labels.index(one) for one in both])
    agreed = truth == truth_there
    if len(both) < len(labels):
        only = [
            f"only version {one.version} has {some(sorted(set(one.labels) - both))}"
            for one in (a, b)
            if set(one.labels) - both
        ]
        notes.append(f"compared on the {len(both)} classes that both have: {'; '.join(only)}")
    if other := int((known & ~agreed).sum()):
        notes.append(f"{other:,} images have another label in each test set: left out")
    kept = known & agreed
    first, second = first[kept], second[kept]
    return CommonImages(
        first=first,
        second=second,
        labels=labels,
        truth=truth[kept],
        of_first=a.predicted[first],
        of_second=theirs[b.predicted[second]],
        notes=tuple(notes),
    )


def _same_images(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Places of the images that are in both: in order, where the two are the same."""
    if np.array_equal(a, b):
        return np.arange(len(a)), np.arange(len(a))
    whole = np.dtype((np.void, a.shape[1]))
    ours, theirs = (np.ascontiguousarray(one).view(whole).ravel() for one in (a, b))
    _, first, second = np.intersect1d(ours, theirs, return_indices=True)
    order = np.argsort(first, kind="stable")
    return first[order], second[order]


def _images_in_words(a: Recorded, b: Recorded, common: int) -> list[str]:
    if common == len(a.truth) == len(b.truth):
        return []
    sizes = " and ".join(f"{len(one.truth):,} of version {one.version}" for one in (a, b))
    if not common:
        return [
            f"judged on different test images ({sizes}), none of them the same: only each one's "
            "own figures are shown, and they cannot be compared"
        ]
    return [f"judged on different test images ({sizes}): compared on the {common:,} in both"]
