"""How much an image of each class counts in the loss."""

from __future__ import annotations

import numpy as np


def weights_of_classes(how: str, labels: np.ndarray, classes: int) -> np.ndarray | None:
    """Weights float32 (classes,), whose mean over the images is 1; None: all count the same.

    ``balanced`` is scikit-learn's: images / (classes with images * images of the class). The mean
    of 1 leaves the learning rate what it was. A weight belongs to an image's own class, also where
    part of its label is smoothed over all classes; features that are kept do not depend on it.

    Args:
        how: ``none`` or ``balanced``.
        labels: integers (N,), of the images that are trained on.
    """
    if how == "none":
        return None
    counts = np.bincount(labels, minlength=classes)
    weights = len(labels) / ((counts > 0).sum() * np.maximum(counts, 1))
    return np.where(counts > 0, weights, 1.0).astype(np.float32)
