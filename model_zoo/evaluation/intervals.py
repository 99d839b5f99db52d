"""Intervals of proportions, and of figures that are means over classes."""

from __future__ import annotations

import numpy as np

from model_zoo.class_figures import counts, from_counts

CONFIDENCE = 0.95


def wilson_interval(correct: int, count: int) -> tuple[float, float]:
    """95 % interval of a proportion (Wilson 1927); never leaves 0..1, unlike the normal one."""
    from scipy.stats import binomtest

    interval = binomtest(correct, count).proportion_ci(CONFIDENCE, method="wilson")
    return float(interval.low), float(interval.high)


def wilson_bounds(correct: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """:func:`wilson_interval` of many proportions (n,); of no images all is possible, 0 to 1."""
    from scipy.stats import norm

    z, some = float(norm.ppf((1 + CONFIDENCE) / 2)), np.maximum(counts, 1)
    share, whole = correct / some, 1 + z**2 / some
    middle = (share + z**2 / (2 * some)) / whole
    half = z * np.sqrt(share * (1 - share) / some + z**2 / (4 * some**2)) / whole
    low, high = np.clip(middle - half, 0, 1), np.clip(middle + half, 0, 1)
    return np.where(counts == 0, 0.0, low), np.where(counts == 0, 1.0, high)


def of_class_figures(labels: np.ndarray, predicted: np.ndarray, classes: int) -> dict[str, float]:
    """``balanced_accuracy`` and ``macro_f1``, each with ``_low`` and ``_high``.

    The normal interval of a mean, to whose squares z^2 images of usual weight are added, as in
    ``judging.metric``. An image's deviation is from the mean of all classes, not from that of its
    own: of a class with three images that are all right its own says nothing of how it varies, and
    a bootstrap draws them right every time.

    Args:
        labels, predicted: integers (N,).
    """
    from scipy.stats import norm

    hit, of_class, said = counts(labels, predicted, classes)
    figures = {name: float(one) for name, one in from_counts(hit, of_class, said).items()}
    right, there = labels == predicted, of_class > 0
    share = len(labels) / there.sum()
    weights = share / of_class[labels]
    whole = share / np.maximum(of_class + said, 1)
    taken_for = np.where(there[predicted], whole[predicted], 0.0)
    deviations = {
        "balanced_accuracy": weights * (right - figures["balanced_accuracy"]),
        "macro_f1": 2 * right * whole[labels] - figures["macro_f1"] * (whole[labels] + taken_for),
    }
    z = float(norm.ppf((1 + CONFIDENCE) / 2))
    found: dict[str, float] = {}
    for name, value in figures.items():
        squares = float((deviations[name] ** 2).sum() + z**2 * (weights**2).mean())
        half = z * squares**0.5 / len(labels)
        low, high = max(0.0, value - half), min(1.0, value + half)
        found |= {name: value, f"{name}_low": low, f"{name}_high": high}
    return found
