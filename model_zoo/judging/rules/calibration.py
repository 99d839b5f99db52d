"""``calibration``: confidence that means what it says."""

from __future__ import annotations

import numpy as np

from model_zoo.evaluation.metrics import expected_calibration_error
from model_zoo.judging.contest import Contest, Side
from model_zoo.judging.rule import Finding, found, not_judged, register_rule

RESAMPLED = 200
SEED = 18


@register_rule("calibration")
def calibration(contest: Contest) -> Finding:
    """Failed when, with confidence, the calibration error grew by more than is allowed.

    The lower bound of the growth is a paired bootstrap's over the images, always the same ones.
    """
    if contest.no_rival:
        return not_judged(contest.no_rival)
    settings, pair = contest.settings, contest.pair(contest.rival)
    ours = _confidence(contest.candidate, pair.members)
    theirs = _confidence(contest.rival, pair.members)
    errors = [_error(ours, pair.candidate), _error(theirs, pair.other)]
    drawn = np.random.default_rng(SEED).integers(0, len(ours), (RESAMPLED, len(ours)))
    grown = [
        _error(ours[one], pair.candidate[one]) - _error(theirs[one], pair.other[one])
        for one in drawn
    ]
    low = float(np.quantile(grown, 1 - settings.confidence))
    good = low <= settings.calibration_loss
    grew = (
        f"with {settings.confidence:.0%} confidence grown by at least {low:.2%}, "
        f"{settings.calibration_loss:.2%} allowed"
        if low > 0
        else "no evidence that it grew"
    )
    return found(
        good,
        f"calibration error {errors[0]:.2%}, of production {errors[1]:.2%}: {grew}",
        calibration_error=errors[0],
        production_calibration_error=errors[1],
        grown_low=low,
    )


def _confidence(side: Side, members: np.ndarray) -> np.ndarray:
    return np.asarray(side.probabilities[members], np.float64).max(axis=1)


def _error(confidence: np.ndarray, correct: np.ndarray) -> float:
    return expected_calibration_error(confidence, correct)
