"""``better``: with evidence that holds for all decisions on this test part together."""

from __future__ import annotations

from model_zoo.judging.contest import Contest
from model_zoo.judging.looks import bound, error_of, evidence
from model_zoo.judging.paired import compare
from model_zoo.judging.rule import Finding, found, not_judged, register_rule
from model_zoo.judging.rules.not_worse import difference_in_words


@register_rule("better")
def better(contest: Contest) -> Finding:
    """Passed when the series of candidates is better than production, and this one is too.

    The series is what :mod:`model_zoo.judging.looks` says: this candidate and those before it that
    differ in their seed alone. A tie promotes nothing.
    """
    if contest.nobody_can_tell:
        return found(False, contest.nobody_can_tell)
    if contest.no_rival:
        return not_judged(contest.no_rival)
    pair, look = contest.pair(contest.rival), contest.look
    paired = compare(pair.candidate, pair.other)
    earlier = None if look.earlier_right is None else look.earlier_right[pair.members]
    mean, spread = evidence(pair.candidate, pair.other, earlier, look.tries)
    wanted = bound(error_of(look.series, contest.settings.error))
    statistic = mean / spread if spread else 0.0
    good = statistic >= wanted and paired["difference"] > 0
    figures = paired | {
        "series_difference": mean,
        "series_spread": spread,
        "statistic": statistic,
        "bound": wanted,
        "tries": look.tries,
        "series": look.series,
    }
    sentence = (
        f"{difference_in_words(paired)}; {_of_the_series(look.tries, mean)} is {statistic:.2f} "
        f"standard errors from none, {wanted:.2f} wanted: "
        + ("better with evidence" if good else "not better with evidence")
    )
    return found(good, sentence, **figures)


def _of_the_series(tries: int, mean: float) -> str:
    if tries == 1:
        return "the difference"
    return f"the mean {mean:+.2%} of {tries} candidates of this recipe"
