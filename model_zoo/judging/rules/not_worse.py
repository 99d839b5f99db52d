"""``not-worse``: with confidence, less than the margin is lost to production."""

from __future__ import annotations

from typing import Any

from model_zoo.judging.contest import Contest
from model_zoo.judging.paired import compare, lower_bound, usual_margin
from model_zoo.judging.rule import Finding, found, not_judged, register_rule


@register_rule("not-worse")
def not_worse(contest: Contest) -> Finding:
    """Passed when the one-sided lower bound of the difference is at or above minus the margin.

    Failed when nobody can tell: production could not be asked, or knows none of the classes.
    """
    if contest.nobody_can_tell:
        return found(False, contest.nobody_can_tell)
    if contest.no_rival:
        return not_judged(contest.no_rival)
    settings, pair = contest.settings, contest.pair(contest.rival)
    paired = compare(pair.candidate, pair.other)
    won, lost = paired["only_candidate_right"], paired["only_production_right"]
    low = lower_bound(won, lost, paired["images"], settings.confidence)
    good = low >= -settings.margin
    figures = paired | {"lower_bound": low, "margin": settings.margin}
    sentence = (
        f"{difference_in_words(paired)}: with {settings.confidence:.0%} confidence at most "
        f"{max(-low, 0):.2%} worse, {'within' if good else 'beyond'} the margin "
        f"{settings.margin:.2%}"
    )
    return found(good, sentence + blunt(paired, settings.margin, settings.confidence), **figures)


def blunt(paired: dict[str, Any], margin: float, confidence: float) -> str:
    """Whether these images are too few to judge by that margin at all, in words; empty: no."""
    won, lost = paired["only_candidate_right"], paired["only_production_right"]
    usual = usual_margin(won, lost, paired["images"], confidence)
    if margin >= usual:
        return ""
    return (
        f"; on so few images an equal candidate passes 70 % of tries with a margin of {usual:.1%}"
    )


def difference_in_words(paired: dict[str, Any]) -> str:
    """Both accuracies and where they disagree, from :func:`model_zoo.judging.paired.compare`."""
    difference = paired["difference"]
    return (
        f"{abs(difference):.2%} {'better' if difference >= 0 else 'worse'} than production "
        f"({paired['production_accuracy']:.2%}) on the same {paired['images']:,} images (right "
        f"alone on {paired['only_candidate_right']:,}, wrong alone on "
        f"{paired['only_production_right']:,})"
    )
