"""``better``: with evidence that holds for all decisions on this test part together."""

from __future__ import annotations

from model_zoo.judging.contest import Contest
from model_zoo.judging.looks import bound, bound_of_one, error_of, evidence
from model_zoo.judging.metric import MACRO_F1, compared
from model_zoo.judging.rule import Finding, found, not_judged, register_rule
from model_zoo.judging.rules.not_worse import difference_in_words


@register_rule("better")
def better(contest: Contest) -> Finding:
    """Passed when the series of candidates is better than production, and this one is too.

    The series is what :mod:`model_zoo.judging.looks` says: this candidate and those before it that
    differ in their seed alone. A tie promotes nothing.

    By macro F1 each candidate speaks for itself, as a series of its own: its influence needs the
    answers of the earlier ones, of which only right and wrong is kept.
    """
    if contest.nobody_can_tell:
        return found(False, contest.nobody_can_tell)
    if contest.no_rival:
        return not_judged(contest.no_rival)
    look, paired = contest.look, compared(contest, contest.rival)
    alone = paired.metric == MACRO_F1
    earlier = None
    if look.earlier_right is not None and not alone:
        members = contest.pair(contest.rival).members
        earlier = look.earlier_right[members] * paired.weights
    tries, series = (1, look.number) if alone else (look.tries, look.series)
    mean, spread = evidence(paired.ours, paired.theirs, earlier, tries)
    wanted = (bound_of_one if alone else bound)(error_of(series, contest.settings.error))
    statistic = mean / spread if spread else 0.0
    good = statistic >= wanted and paired.difference > 0
    figures = paired.figures() | {
        "series_difference": mean,
        "series_spread": spread,
        "statistic": statistic,
        "bound": wanted,
        "tries": tries,
        "series": series,
    }
    sentence = (
        f"{difference_in_words(paired)}; {_of_the_series(tries, mean)} is {statistic:.2f} "
        f"standard errors from none, {wanted:.2f} wanted: "
        + ("better with evidence" if good else "not better with evidence")
    )
    return found(good, sentence, **figures)


def _of_the_series(tries: int, mean: float) -> str:
    if tries == 1:
        return "the difference"
    return f"the mean {mean:+.2%} of {tries} candidates of this recipe"
