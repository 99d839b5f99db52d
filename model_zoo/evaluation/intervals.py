"""Intervals of proportions."""

from __future__ import annotations

import numpy as np

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
