"""The gate: may this candidate take the place of what is in production?

Both are judged on the same test images, so what counts are the images on which they disagree
(McNemar 1947): that is far more sensitive than comparing two accuracies with their intervals.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Verdict:
    """Whether the candidate passed, why in words, and the figures behind it."""

    passed: bool
    reasons: list[str]
    figures: dict[str, Any] = field(default_factory=dict)


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
        "difference_low": float(difference - 1.96 * spread),
        "difference_high": float(difference + 1.96 * spread),
        "only_candidate_right": won,
        "only_production_right": lost,
        "p_value": float(binomtest(won, won + lost).pvalue) if won + lost else 1.0,
        "images": count,
    }


def judge(
    candidate_correct: np.ndarray,
    production_correct: np.ndarray | None,
    *,
    floor: float,
    margin: float,
    on_sample: bool = False,
    production_on_sample: bool = False,
) -> Verdict:
    """Passed when at least ``floor`` accurate and at most ``margin`` worse than production.

    A candidate trained on the generated sample never replaces one trained on real data. The
    other way round there is nothing to compare: a model of drawings gives way to a real one.
    """
    accuracy = float(candidate_correct.mean())
    figures: dict[str, Any] = {"candidate_accuracy": accuracy, "floor": floor, "margin": margin}
    reasons = []
    passed = accuracy >= floor
    reasons.append(
        f"accuracy {accuracy:.2%} is {'at or above' if passed else 'below'} the floor {floor:.2%}"
    )
    if production_correct is None:
        reasons.append("nothing is in production yet")
    elif on_sample and not production_on_sample:
        passed = False
        reasons.append("trained on the generated sample, and production on real data")
    elif production_on_sample and not on_sample:
        reasons.append("production was trained on the generated sample, this one on real data")
    else:
        paired = compare(candidate_correct, production_correct)
        figures |= paired
        good_enough = paired["difference"] >= -margin
        passed = passed and good_enough
        reasons.append(
            f"{abs(paired['difference']):.2%} {'better' if paired['difference'] >= 0 else 'worse'}"
            f" than production ({paired['production_accuracy']:.2%}) on the same "
            f"{paired['images']} images, {'within' if good_enough else 'beyond'} the margin "
            f"{margin:.2%} (right alone on {paired['only_candidate_right']}, wrong alone on "
            f"{paired['only_production_right']}, p = {paired['p_value']:.2g})"
        )
    return Verdict(passed, reasons, figures)
