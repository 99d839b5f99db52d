"""Balanced accuracy and macro F1: means over the classes, whatever the number of their images."""

from __future__ import annotations

import numpy as np

#: Those that are no mean over images; ``accuracy`` is.
OF_CLASSES = ("balanced_accuracy", "macro_f1")


def from_counts(hit: np.ndarray, of_class: np.ndarray, said: np.ndarray) -> dict[str, np.ndarray]:
    """Both figures (...) over the classes that have images.

    An answer that names a class without images costs the class that it should have named.

    Args:
        hit, of_class, said: (..., classes), by class: images that were recognised, images that are
            of it, images that were taken for it.
    """
    of_class = np.asarray(of_class, float)
    there = of_class > 0
    recall = np.divide(hit, of_class, out=np.zeros(there.shape), where=there)
    f1 = np.divide(2 * np.asarray(hit), of_class + said, out=np.zeros(there.shape), where=there)
    classes = there.sum(axis=-1)
    return {
        "balanced_accuracy": recall.sum(axis=-1) / classes,
        "macro_f1": f1.sum(axis=-1) / classes,
    }


def counts(truth: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """``hit``, ``of_class`` and ``said`` of :func:`from_counts`, integers (3, classes).

    Args:
        truth, predicted: integers (N,); a prediction below 0 is of no class.
    """
    given = [truth[truth == predicted], truth, predicted[predicted >= 0]]
    return np.stack([np.bincount(one, minlength=classes) for one in given])
