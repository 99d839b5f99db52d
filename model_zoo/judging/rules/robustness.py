"""``robustness``: no named corruption may hurt the candidate more than it hurts production."""

from __future__ import annotations

import numpy as np

from model_zoo.judging.contest import Contest
from model_zoo.judging.falls import none_fell
from model_zoo.judging.rule import Finding, not_judged, register_rule


@register_rule("robustness")
def robustness(contest: Contest) -> Finding:
    """As ``no-class-falls``, over the same corrupted images for both, a part a corruption.

    The images are few and always the same, so this sees large falls only: of 128 images, about
    one in twelve must be lost under one corruption.
    """
    if contest.no_rival:
        return not_judged(contest.no_rival)
    if not contest.settings.corruptions:
        return not_judged("the setting judging.corruptions names none")
    ours, theirs = contest.corrupted, contest.rival_corrupted
    if ours is None or theirs is None:
        return not_judged("a file that cannot be run cannot be tried on corrupted images")
    both = np.isin(ours.members, contest.pair(contest.rival).members)  # images of common classes
    count, names = int(both.sum()), list(ours.predicted)
    truth = np.array(contest.candidate.labels)[contest.truth[ours.members[both]]]

    def right(labels: tuple[str, ...], predicted: dict[str, np.ndarray]) -> np.ndarray:
        return np.concatenate([np.array(labels)[predicted[one][both]] == truth for one in names])

    return none_fell(
        {one: np.repeat(np.arange(len(names)) == place, count) for place, one in enumerate(names)},
        right(contest.candidate.labels, ours.predicted),
        right(contest.rival.labels, theirs.predicted),
        what="corruption",
        least=max(1, min(contest.settings.class_images, count)),
        confidence=contest.settings.confidence,
    )
