"""Means over the test images with bootstrap intervals (Efron 1979, percentiles)."""

from __future__ import annotations

import numpy as np

RESAMPLED = 500
SEED = 18
CONFIDENCE = 0.95
SMALLEST = 1e-12


def with_intervals(probabilities: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """``top2_accuracy``, ``brier`` and ``log_loss``.

    Each with ``_low`` and ``_high``, the same ones at every call. Brier's score is that of all
    classes, 0 to 2 (Brier 1950).

    Args:
        probabilities: float (N, classes).
        labels: integers (N,).
    """
    random = np.random.default_rng(SEED)
    values = of_each_image(probabilities, labels)
    stacked = np.stack(list(values.values()), axis=1)
    count = len(labels)
    drawn = np.array(
        [stacked[random.integers(0, count, count)].mean(axis=0) for _ in range(RESAMPLED)]
    )
    found: dict[str, float] = {}
    for name, all_of, again in zip(values, stacked.mean(axis=0), drawn.T, strict=True):
        found |= _figure(name, float(all_of), again)
    return found


def of_each_image(probabilities: np.ndarray, labels: np.ndarray) -> dict[str, np.ndarray]:
    """What figures that are means over images are the means of, each (N,)."""
    exact = probabilities.astype(np.float64)
    exact /= exact.sum(axis=1, keepdims=True)  # float32 rows sum to one only to seven digits
    true = exact[np.arange(len(labels)), labels]
    return {
        "top2_accuracy": ((exact > true[:, None]).sum(axis=1) < 2).astype(float),
        "brier": (exact**2).sum(axis=1) - 2 * true + 1,
        "log_loss": -np.log(np.maximum(true, SMALLEST)),
    }


def _figure(name: str, value: float, drawn: np.ndarray) -> dict[str, float]:
    low, high = np.quantile(drawn, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return {name: value, f"{name}_low": float(low), f"{name}_high": float(high)}
