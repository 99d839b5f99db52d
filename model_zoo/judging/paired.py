"""Two classifiers on the same images: what counts are the images on which they disagree.

McNemar 1947: far more sensitive than comparing two accuracies with their intervals. The interval is
Tango's score interval (Statistics in Medicine 17, 1998, 891-908): it keeps its level for the few
disagreements that two good classifiers have, where the usual normal one is too narrow and even
empty when they never disagree.
"""

from __future__ import annotations

from typing import Any

import numpy as np

CONFIDENCE = 0.95


def compare(
    candidate_correct: np.ndarray, production_correct: np.ndarray, confidence: float = CONFIDENCE
) -> dict[str, Any]:
    """Paired comparison of two classifiers; both arguments bool (N,) over the same images.

    Returns:
        Accuracies, their difference with its two-sided interval, on how many images only one of
        the two was right, and the exact two-sided McNemar p-value.
    """
    from scipy.stats import binomtest

    count = len(candidate_correct)
    won, lost = disagreements(candidate_correct, production_correct)
    low, high = interval(won, lost, count, confidence)
    return {
        "candidate_accuracy": float(candidate_correct.mean()),
        "production_accuracy": float(production_correct.mean()),
        "difference": (won - lost) / count,
        "difference_low": low,
        "difference_high": high,
        "only_candidate_right": won,
        "only_production_right": lost,
        "p_value": float(binomtest(won, won + lost).pvalue) if won + lost else 1.0,
        "images": count,
    }


def disagreements(candidate_correct: np.ndarray, production_correct: np.ndarray) -> tuple[int, int]:
    """On how many images only the candidate was right, and only production."""
    won = int((candidate_correct & ~production_correct).sum())
    return won, int((~candidate_correct & production_correct).sum())


def fell(won: int, lost: int) -> float:
    """One-sided exact McNemar p-value of "no worse than before": small where it fell."""
    from scipy.stats import binom

    return float(binom.cdf(won, won + lost, 0.5)) if won + lost else 1.0


def score(won: Any, lost: Any, count: int, difference: float) -> Any:
    """Tango's score statistic of "the true difference is ``difference``": standard normal if it is.

    Args:
        won, lost: integers, or arrays of them, on how many images only one of the two was right.
        count: images.
        difference: strictly between -1 and 1.
    """
    won, lost = np.asarray(won, float), np.asarray(lost, float)
    # The share that is lost, most likely under that difference: the root of a x^2 + b x + c.
    a, c = 2 * count, -lost * difference * (1 - difference)
    b = -won - lost + (2 * count - won + lost) * difference
    share = (np.sqrt(np.maximum(b * b - 4 * a * c, 0)) - b) / (2 * a)
    variance = count * (2 * share + difference * (1 - difference))
    off = won - lost - count * difference
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(off == 0, 0.0, off / np.sqrt(variance))


def interval(
    won: int, lost: int, count: int, confidence: float = CONFIDENCE
) -> tuple[float, float]:
    """Two-sided interval of the difference: where the score statistic stays within its quantiles.

    The lower end alone is a one-sided bound at ``(1 + confidence) / 2``.
    """
    from scipy.optimize import brentq
    from scipy.stats import norm

    z, seen, edge = float(norm.ppf((1 + confidence) / 2)), (won - lost) / count, 1 - 1e-12

    def end(sign: float) -> float:
        if seen == sign:
            return sign
        inner, outer = seen + sign * 1e-12, sign * edge
        return float(
            brentq(lambda one: sign * float(score(won, lost, count, one)) + z, inner, outer)
        )

    return end(-1.0), end(1.0)


def lower_bound(won: int, lost: int, count: int, confidence: float) -> float:
    """The difference is at least this, with one-sided ``confidence`` above one half."""
    return interval(won, lost, count, 2 * confidence - 1)[0]


def usual_margin(won: int, lost: int, count: int, confidence: float, passed: float = 0.7) -> float:
    """The margin with which an equal candidate passes so often, with as many disagreements."""
    from scipy.stats import norm

    deviation = np.sqrt(max(won + lost, 1)) / count
    return float((norm.ppf(confidence) + norm.ppf(passed)) * deviation)


def holm(p_values: list[float]) -> list[float]:
    """p-values corrected for their number (Holm 1979): the family's error, not each one's."""
    corrected, largest = [0.0] * len(p_values), 0.0
    for rank, place in enumerate(np.argsort(p_values, kind="stable")):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[place]))
        corrected[int(place)] = largest
    return corrected
