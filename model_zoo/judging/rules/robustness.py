"""``robustness``: no named corruption may hurt the candidate more than it hurts production."""

from __future__ import annotations

import numpy as np

from model_zoo.evaluation.corruptions import SEVERITIES, corrupted
from model_zoo.judging.contest import Contest
from model_zoo.judging.falls import none_fell
from model_zoo.judging.rule import Finding, not_judged, register_rule

SEED = 18


@register_rule("robustness")
def robustness(contest: Contest) -> Finding:
    """As ``no-class-falls``, over the same corrupted images for both, a part a corruption.

    The images are few and always the same, so this sees large falls only: of 128 images, about
    one in twelve must be lost under one corruption.
    """
    if contest.no_rival:
        return not_judged(contest.no_rival)
    ours, theirs = contest.candidate.answer, contest.rival.answer
    if ours is None or theirs is None:
        return not_judged("a file that cannot be run cannot be tried on corrupted images")
    members = contest.pair(contest.rival).members
    drawn = np.random.default_rng(SEED).permutation(members)[: contest.settings.corrupted_images]
    truth = np.array(contest.candidate.labels)[contest.truth[drawn]]
    parts, candidate, production = {}, [], []
    names = [(name, one) for name in contest.settings.corruptions for one in SEVERITIES]
    for place, (name, severity) in enumerate(names):
        images = corrupted(contest.images[drawn], name, severity)
        candidate.append(np.array(contest.candidate.labels)[ours(images)] == truth)
        production.append(np.array(contest.rival.labels)[theirs(images)] == truth)
        of = np.arange(len(names)) == place
        parts[f"{name} {severity}"] = np.repeat(of, len(drawn))
    if not parts:
        return not_judged("the setting judging.corruptions names none")
    return none_fell(
        parts,
        np.concatenate(candidate),
        np.concatenate(production),
        what="corruption",
        least=min(contest.settings.class_images, len(drawn)),
        confidence=contest.settings.confidence,
    )
