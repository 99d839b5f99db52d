"""``better-or-newer``: there must be a reason to change."""

from __future__ import annotations

from dataclasses import replace

from model_zoo.judging.contest import Contest
from model_zoo.judging.rule import Finding, not_judged, register_rule
from model_zoo.judging.rules.better import better
from model_zoo.judging.rules.not_worse import not_worse


@register_rule("better-or-newer")
def better_or_newer(contest: Contest) -> Finding:
    """On the snapshot of production the candidate must be better; on a newer one not worse.

    A newer snapshot is a reason by itself: what production has not seen counts for something that
    the test part may not show. That it is not worse on the images that are new, too, cannot be
    judged while a snapshot does not say which they are.
    """
    if contest.no_rival:
        return not_worse(contest)
    if contest.same_images:
        judged = better(contest)
        return replace(judged, sentence=f"on the images of production: {judged.sentence}")
    judged = not_worse(contest)
    new = _on_new_images(contest)
    return replace(
        judged,
        sentence=f"on other images than production: {judged.sentence}; {new.sentence}",
        figures=judged.figures | {"new_images": new.outcome},
    )


def _on_new_images(contest: Contest) -> Finding:
    return not_judged("on those that are new: not judged, the snapshot does not say which they are")
