"""The gate: may this candidate take the place of what is in production?"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from model_zoo.judging.paired import compare


@dataclass(frozen=True)
class Verdict:
    """Whether the candidate passed, why in words, and the figures behind it."""

    passed: bool
    reasons: list[str]
    figures: dict[str, Any] = field(default_factory=dict)


def judge(
    candidate_correct: np.ndarray,
    production_correct: np.ndarray | None,
    *,
    floor: float,
    margin: float,
    generated: bool = False,
    production_generated: bool = False,
) -> Verdict:
    """Passed when at least ``floor`` accurate and at most ``margin`` worse than production.

    A candidate trained on generated images never replaces one trained on real ones. The other way
    round there is nothing to compare: a model of generated images gives way to a real one.

    Args:
        candidate_correct: bool (N,), whether the candidate is right about each test image.
        production_correct: the same of production; None when there is none.
        generated: the candidate learned from generated images.
        production_generated: production did.
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
    elif generated and not production_generated:
        passed = False
        reasons.append("trained on generated images, and production on real ones")
    elif production_generated and not generated:
        reasons.append("production was trained on generated images, this one on real ones")
    else:
        paired = compare(candidate_correct, production_correct)
        figures |= paired
        good_enough = paired["difference"] >= -margin
        passed = passed and good_enough
        reasons.append(_against(paired, margin, good_enough))
    return Verdict(passed, reasons, figures)


def _against(paired: dict[str, Any], margin: float, good_enough: bool) -> str:
    """The comparison with production in words."""
    return (
        f"{abs(paired['difference']):.2%} {'better' if paired['difference'] >= 0 else 'worse'}"
        f" than production ({paired['production_accuracy']:.2%}) on the same "
        f"{paired['images']} images, {'within' if good_enough else 'beyond'} the margin "
        f"{margin:.2%} (right alone on {paired['only_candidate_right']}, wrong alone on "
        f"{paired['only_production_right']}, p = {paired['p_value']:.2g})"
    )
