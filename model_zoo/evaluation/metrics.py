"""Figures of merit on held-out images, with their uncertainty."""

from __future__ import annotations

from typing import Any

import numpy as np

CONFIDENCE = 0.95


def wilson_interval(correct: int, count: int) -> tuple[float, float]:
    """95 % interval of a proportion (Wilson 1927); never leaves 0..1, unlike the normal one."""
    from scipy.stats import binomtest

    interval = binomtest(correct, count).proportion_ci(CONFIDENCE, method="wilson")
    return float(interval.low), float(interval.high)


def expected_calibration_error(
    probabilities: np.ndarray, labels: np.ndarray, bins: int = 15
) -> float:
    """Mean gap between confidence and accuracy over equal-width bins (Guo et al. 2017).

    Args:
        probabilities: float (N, classes).
        labels: integers (N,).
    """
    confidence = probabilities.max(axis=1)
    correct = probabilities.argmax(axis=1) == labels
    edges = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = [
        abs(correct[edges == bin_].mean() - confidence[edges == bin_].mean())
        * (edges == bin_).mean()
        for bin_ in np.unique(edges)
    ]
    return float(sum(gaps))


def score(probabilities: np.ndarray, labels: np.ndarray, names: tuple[str, ...]) -> dict[str, Any]:
    """Accuracy with its 95 % interval, per-class figures and the confusion matrix.

    Args:
        probabilities: float (N, classes), rows that sum to one.
        labels: integers (N,).
    """
    from sklearn.metrics import confusion_matrix, log_loss, precision_recall_fscore_support

    predicted = probabilities.argmax(axis=1)
    exact = probabilities.astype(np.float64)
    exact /= exact.sum(axis=1, keepdims=True)  # float32 rows sum to one only to seven digits
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
        "f1_macro": float(np.mean(f1)),
        "log_loss": float(log_loss(labels, exact, labels=classes)),
        "calibration_error": expected_calibration_error(probabilities, labels),
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
