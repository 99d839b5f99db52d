"""Figures of merit on held-out images, with their uncertainty."""

from __future__ import annotations

from typing import Any

import numpy as np

from model_zoo.evaluation.bootstrap import with_intervals
from model_zoo.evaluation.certainty import in_words
from model_zoo.evaluation.confusion import confused
from model_zoo.evaluation.intervals import of_class_figures, wilson_bounds, wilson_interval


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
    """Figures of merit, the per-class ones and what is taken for what.

    Each figure comes with a 95 % interval, ``_low`` and ``_high``: Wilson's of ``accuracy`` and of
    each class's recall, that of ``intervals`` of means over classes, a bootstrap's over the images
    of the others.

    Args:
        probabilities: float (N, classes), rows that sum to one.
        labels: integers (N,).
    """
    from sklearn.metrics import precision_recall_fscore_support

    predicted = probabilities.argmax(axis=1)
    correct = int((predicted == labels).sum())
    low, high = wilson_interval(correct, len(labels))
    classes = list(range(len(names)))
    precision, recall, f1, support = precision_recall_fscore_support(
        labels, predicted, labels=classes, zero_division=0
    )
    hits = np.bincount(labels[labels == predicted], minlength=len(names))
    lows, highs = wilson_bounds(hits, support)
    return {
        "accuracy": correct / len(labels),
        "accuracy_low": low,
        "accuracy_high": high,
        "images": len(labels),
        **of_class_figures(labels, predicted, len(names)),
        **with_intervals(probabilities, labels),
        "calibration_error": expected_calibration_error(
            probabilities.max(axis=1), predicted == labels
        ),
        "per_class": [
            {
                "label": name,
                "precision": float(precision[i]),
                "recall": float(recall[i]),
                "recall_low": float(lows[i]),
                "recall_high": float(highs[i]),
                "f1": float(f1[i]),
                "support": int(support[i]),
            }
            for i, name in enumerate(names)
        ],
        "certainty": in_words(names, support),
        **confused(labels, predicted, len(names)),
    }
