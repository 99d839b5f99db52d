"""A seeded, stratified split of the training images."""

from __future__ import annotations

import numpy as np


def stratified_split(
    labels: np.ndarray, share: float, seed: int, limit: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Split indices so that every class gives the same share to validation.

    Args:
        labels: (N,) integers.
        share: part of each class that goes to validation, in (0, 1).
        limit: keep at most this many training indices, stratified too; 0 keeps all.

    Returns:
        Training and validation indices, int64, each shuffled; disjoint.
    """
    random = np.random.default_rng(seed)
    training, validation = [], []
    for label in np.unique(labels):
        members = random.permutation(np.flatnonzero(labels == label))
        held_out = max(1, round(share * len(members)))
        validation.append(members[:held_out])
        rest = members[held_out:]
        if limit:
            rest = rest[: max(1, round(limit * len(members) / len(labels)))]
        training.append(rest)
    return (
        random.permutation(np.concatenate(training)),
        random.permutation(np.concatenate(validation)),
    )
