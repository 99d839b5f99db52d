"""Two classifiers on the same images: what counts are the images on which they disagree.

McNemar 1947: far more sensitive than comparing two accuracies with their intervals.
"""

from __future__ import annotations

from typing import Any

import numpy as np

Z_95 = 1.959964


def compare(candidate_correct: np.ndarray, production_correct: np.ndarray) -> dict[str, Any]:
    """Paired comparison of two classifiers; both arguments bool (N,) over the same images.

    Returns:
        Accuracies, their difference with its 95 % interval, on how many images only one of the
        two was right, and the exact two-sided McNemar p-value.
    """
    from scipy.stats import binomtest

    count = len(candidate_correct)
    won = int((candidate_correct & ~production_correct).sum())
    lost = int((~candidate_correct & production_correct).sum())
    difference = (won - lost) / count
    spread = np.sqrt(max(won + lost - (won - lost) ** 2 / count, 0)) / count
    return {
        "candidate_accuracy": float(candidate_correct.mean()),
        "production_accuracy": float(production_correct.mean()),
        "difference": difference,
        "difference_low": float(difference - Z_95 * spread),
        "difference_high": float(difference + Z_95 * spread),
        "only_candidate_right": won,
        "only_production_right": lost,
        "p_value": float(binomtest(won, won + lost).pvalue) if won + lost else 1.0,
        "images": count,
    }
