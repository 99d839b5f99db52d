"""``floor``: good enough at all?"""

from __future__ import annotations

from model_zoo.judging.contest import Contest
from model_zoo.judging.metric import figure
from model_zoo.judging.rule import Finding, found, register_rule
from model_zoo.settings.judging import METRICS


@register_rule("floor")
def floor(contest: Contest) -> Finding:
    """Passed when the project's metric on the test images reaches ``judging.floor``."""
    metric, candidate = contest.settings.metric, contest.candidate
    reached = figure(metric, contest.truth, candidate.predicted, len(candidate.labels))
    least = contest.settings.floor
    good = reached >= least
    word = "at or above" if good else "below"
    return found(
        good,
        f"{METRICS[metric]} {reached:.2%} is {word} the floor {least:.2%}",
        metric=metric,
        reached=reached,
        floor=least,
        images=len(contest.truth),
    )
