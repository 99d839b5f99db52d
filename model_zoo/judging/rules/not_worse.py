"""``not-worse``: with confidence, less than the margin is lost to production."""

from __future__ import annotations

from model_zoo.judging.contest import Contest
from model_zoo.judging.metric import ACCURACY, Comparison, compared
from model_zoo.judging.rule import Finding, found, not_judged, register_rule
from model_zoo.settings.judging import METRICS


@register_rule("not-worse")
def not_worse(contest: Contest) -> Finding:
    """Passed when the one-sided lower bound of the difference is at or above minus the margin.

    Failed when nobody can tell: production could not be asked, or knows none of the classes.
    """
    if contest.nobody_can_tell:
        return found(False, contest.nobody_can_tell)
    if contest.no_rival:
        return not_judged(contest.no_rival)
    settings, paired = contest.settings, compared(contest, contest.rival)
    low = paired.lower_bound(settings.confidence)
    good = low >= -settings.margin
    figures = paired.figures() | {"lower_bound": low, "margin": settings.margin}
    sentence = (
        f"{difference_in_words(paired)}: with {settings.confidence:.0%} confidence at most "
        f"{max(-low, 0):.2%} worse, {'within' if good else 'beyond'} the margin "
        f"{settings.margin:.2%}"
    )
    return found(good, sentence + blunt(paired, settings.margin, settings.confidence), **figures)


def blunt(paired: Comparison, margin: float, confidence: float) -> str:
    """Whether these images are too few to judge by that margin at all, in words; empty: no."""
    usual = paired.usual_margin(confidence)
    if margin >= usual:
        return ""
    return (
        f"; on so few images an equal candidate passes 70 % of tries with a margin of {usual:.1%}"
    )


def difference_in_words(paired: Comparison) -> str:
    """By how much, of what, and where they disagree."""
    word = "better" if paired.difference >= 0 else "worse"
    of = "" if paired.metric == ACCURACY else f" in {METRICS[paired.metric]}"
    return (
        f"{abs(paired.difference):.2%} {word}{of} than production ({paired.theirs.mean():.2%}) on "
        f"the same {paired.images:,} images (right alone on {paired.won:,}, wrong alone on "
        f"{paired.lost:,})"
    )
