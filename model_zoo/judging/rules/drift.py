"""``drift``: small margins may not add up."""

from __future__ import annotations

from model_zoo.judging.contest import Contest, not_comparable
from model_zoo.judging.metric import Comparison, compared
from model_zoo.judging.rule import Finding, found, not_judged, register_rule
from model_zoo.judging.rules.not_worse import blunt


@register_rule("drift")
def drift(contest: Contest) -> Finding:
    """Passed when, with high confidence, no more than the budget is lost to the anchor.

    The anchor is the last version in production that was better with evidence, or else the first:
    not the one with the highest figure, which is the luckiest.
    """
    if contest.no_rival:
        return not_judged(contest.no_rival)
    anchor, settings = contest.anchor, contest.settings
    if anchor is None:
        return not_judged("the best version that was in production cannot be asked any more")
    if why := not_comparable(contest.candidate, anchor):
        return not_judged(why)
    paired = compared(contest, anchor)
    low = paired.lower_bound(settings.drift_confidence)
    good = low >= -settings.drift_budget
    return found(
        good,
        f"against version {anchor.version}, the best that was in production: {_signed(paired)}, "
        f"with {settings.drift_confidence:.2%} confidence "
        f"{f'at most {-low:.2%} worse' if low < 0 else 'not worse'}, "
        f"{'within' if good else 'beyond'} the budget {settings.drift_budget:.2%}"
        + blunt(paired, settings.drift_budget, settings.drift_confidence),
        anchor=anchor.version,
        metric=paired.metric,
        difference=paired.difference,
        lower_bound=low,
        budget=settings.drift_budget,
    )


def _signed(paired: Comparison) -> str:
    return f"{abs(paired.difference):.2%} {'better' if paired.difference >= 0 else 'worse'}"
