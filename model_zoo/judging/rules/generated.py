"""``real-over-generated``: what learned from made-up images never replaces the real thing."""

from __future__ import annotations

from model_zoo.judging.contest import Contest
from model_zoo.judging.rule import Finding, found, not_judged, register_rule


@register_rule("real-over-generated")
def real_over_generated(contest: Contest) -> Finding:
    """Failed when the candidate learned from generated images and production from real ones.

    The other way round there is nothing to compare: a model of generated images gives way.
    """
    if contest.production is None:
        return not_judged("nothing is in production yet")
    ours, theirs = contest.candidate.generated, contest.production.generated
    figures = {"generated": ours, "production_generated": theirs}
    if ours and not theirs:
        return found(False, "trained on generated images, and production on real ones", **figures)
    if theirs and not ours:
        said = "production was trained on generated images, this one on real ones"
        return found(True, said, **figures)
    word = "generated" if ours else "real"
    return found(True, f"both were trained on {word} images", **figures)
