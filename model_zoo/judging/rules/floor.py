"""``floor``: good enough at all?"""

from __future__ import annotations

from model_zoo.judging.contest import Contest
from model_zoo.judging.rule import Finding, found, register_rule


@register_rule("floor")
def floor(contest: Contest) -> Finding:
    """Passed when test accuracy reaches ``judging.floor``."""
    accuracy = float((contest.candidate.predicted == contest.truth).mean())
    least = contest.settings.floor
    good = accuracy >= least
    word = "at or above" if good else "below"
    return found(
        good,
        f"accuracy {accuracy:.2%} is {word} the floor {least:.2%}",
        accuracy=accuracy,
        floor=least,
        images=len(contest.truth),
    )
