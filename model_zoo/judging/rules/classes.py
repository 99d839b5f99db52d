"""``no-class-falls``: a better mean may not be bought with one class."""

from __future__ import annotations

from model_zoo.judging.contest import Contest
from model_zoo.judging.falls import none_fell
from model_zoo.judging.rule import Finding, not_judged, register_rule


@register_rule("no-class-falls")
def no_class_falls(contest: Contest) -> Finding:
    """Failed when the recall of a class that both know fell, with evidence over all classes."""
    if contest.no_rival:
        return not_judged(contest.no_rival)
    pair, labels = contest.pair(contest.rival), contest.candidate.labels
    truth = contest.truth[pair.members]
    return none_fell(
        {name: truth == labels.index(name) for name in pair.classes},
        pair.candidate,
        pair.other,
        what="class",
        least=contest.settings.class_images,
        confidence=contest.settings.confidence,
    )
