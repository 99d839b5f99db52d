"""A seeded, stratified split of the training images."""

from __future__ import annotations

import numpy as np

from model_zoo.errors import UserError


def stratified_split(
    labels: np.ndarray, share: float, seed: int, limit: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Split indices so that every class gives the same share to validation, and at least one.

    Class by class: scikit-learn's own stratification leaves a rare class out of the smaller part.

    Args:
        labels: (N,) integers.
        share: part of each class that goes to validation, in (0, 1).
        limit: keep about this many training indices, stratified too and at least one of each
            class; 0 keeps all.

    Returns:
        Training and validation indices, int64, each shuffled; disjoint.

    Raises:
        UserError: a class with one image, which cannot lie in both.
    """
    from sklearn.model_selection import train_test_split
    from sklearn.utils import shuffle

    random = np.random.RandomState(seed)
    training, validation = [], []
    for members in _by_class(labels):
        if len(members) < 2:
            raise UserError(
                f"class {labels[members[0]]}: expected at least two training images, one of which "
                "is held out to validate. Received: 1"
            )
        held_out = min(max(1, round(share * len(members))), len(members) - 1)
        kept = len(members) - held_out
        if limit:
            kept = min(kept, max(1, round(limit * len(members) / len(labels))))
        parts = train_test_split(members, train_size=kept, test_size=held_out, random_state=random)
        training.append(parts[0])
        validation.append(parts[1])
    return (
        shuffle(np.concatenate(training), random_state=random),
        shuffle(np.concatenate(validation), random_state=random),
    )


def stratified_limit(labels: np.ndarray, limit: int, seed: int) -> np.ndarray:
    """About ``limit`` indices, int64 and shuffled, at least one of each class; 0: all of them."""
    from sklearn.utils import shuffle

    random = np.random.RandomState(seed)
    kept = []
    for members in _by_class(labels):
        count = max(1, round(limit * len(members) / len(labels))) if limit else len(members)
        kept.append(random.permutation(members)[:count])
    return np.asarray(shuffle(np.concatenate(kept), random_state=random), np.int64)


def _by_class(labels: np.ndarray) -> list[np.ndarray]:
    """The indices of each class that has any, in the order of the classes."""
    order = np.argsort(labels, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(labels[order])) + 1)
