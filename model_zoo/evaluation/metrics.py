"""Figures of merit on held-out images, with their uncertainty."""

from __future__ import annotations

from typing import Any

import numpy as np

from model_zoo.evaluation.bootstrap import with_intervals

CONFIDENCE = 0.95


def wilson_interval(correct: int, count: int) -> tuple[float, float]:
    """95 % interval of a proportion (Wilson 1927); never leaves 0..1, unlike the normal one."""
    from scipy.stats import binomtest

    interval = binomtest(correct, count).proportion_ci(CONFIDENCE, method="wilson")
    return float(interval.low), float(interval.high)


def expected_calibration_error(
    confidence: np.ndarray, correct: np.ndarray, bins: int = 15
) -> float:
    """Mean gap between confidence and accuracy over equal-width bins (Guo et al. 2017).

    Args:
        confidence: float (N,), the probability of the top class.
        correct: bool (N,).
    """
    places = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = np.bincount(places, weights=correct - confidence, minlength=bins)
    return float(np.abs(gaps).sum() / len(confidence))


def score(probabilities: np.ndarray, labels: np.ndarray, names: tuple[str, ...]) -> dict[str, Any]:
    """Figures of merit, the per-class ones and the confusion matrix.

    Each figure comes with a 95 % interval, ``_low`` and ``_high``: Wilson's of ``accuracy``, a
    bootstrap's over the images of the others.

    Args:
        probabilities: float (N, classes), rows that sum to one.
        labels: integers (N,).
    """
    from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

    predicted = probabilities.argmax(axis=1)
    correct = int((predicted == labels).sum())
    low, high = wilson_interval(correct, len(labels))
    classes = list(range(len(names)))
    precision, recall, f1, support = precision_recall_fscore_support(
        labels, predicted, labels=classes, zero_division=0
    )
    return {
        "accuracy": correct / len(labels),
        "accuracy_low": low,
        "accuracy_high": high,
        "images": len(labels),
        **with_intervals(probabilities, labels),
        "calibration_error": expected_calibration_error(
            probabilities.max(axis=1), predicted == labels
        ),
        "per_class": [
            {
                "label": name,
                "precision": float(precision[i]),
                "recall": float(recall[i]),
                "f1": float(f1[i]),
                "support": int(support[i]),
            }
            for i, name in enumerate(names)
        ],
        "confusion": confusion_matrix(labels, predicted, labels=classes).tolist(),
    }
