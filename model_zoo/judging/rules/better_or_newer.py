"""``better-or-newer``: there must be a reason to change."""

from __future__ import annotations

from dataclasses import replace

from model_zoo.judging.contest import Contest
from model_zoo.judging.paired import compare, fell
from model_zoo.judging.rule import Finding, found, not_judged, register_rule
from model_zoo.judging.rules.better import better
from model_zoo.judging.rules.not_worse import not_worse


@register_rule("better-or-newer")
def better_or_newer(contest: Contest) -> Finding:
    """On the snapshot of production the candidate must be better; on a newer one not worse.

    A newer snapshot is a reason by itself: what production has not seen counts for something that
    the test part may not show. But a candidate that fell on the very images that are new has not
    learned what it was made for: it fails too.
    """
    if contest.no_rival:
        return not_worse(contest)
    if contest.same_images:
        judged = better(contest)
        return replace(judged, sentence=f"on the images of production: {judged.sentence}")
    judged = not_worse(contest)
    new = _on_new_images(contest)
    fell_there = judged.outcome == "passed" and new.outcome == "failed"
    return replace(
        judged,
        outcome="failed" if fell_there else judged.outcome,
        sentence=f"on other images than production: {judged.sentence}; {new.sentence}",
        figures=judged.figures | {"new_images": new.outcome, "on_new_images": new.figures},
    )


def _on_new_images(contest: Contest) -> Finding:
    """Failed when it fell there with evidence: exact one-sided McNemar test.

    Not by the margin: new images are few, and on a hundred of them an equal candidate would fail a
    margin of a point nearly always.
    """
    if contest.new is None:
        return not_judged(
            "on those that are new: not judged, as production's snapshot is not known here"
        )
    pair, settings = contest.pair(contest.rival), contest.settings
    mine = contest.new[pair.members]
    ours, theirs = pair.candidate[mine], pair.other[mine]
    if len(ours) < settings.class_images:
        return not_judged(
            f"on the {len(ours):,} test images that are new: not judged, they are fewer than "
            f"judging.class_images = {settings.class_images}",
            images=len(ours),
        )
    paired = compare(ours, theirs)
    p_value = fell(paired["only_candidate_right"], paired["only_production_right"])
    good = p_value >= 1 - settings.confidence
    return found(
        good,
        f"on the {len(ours):,} test images that are new {paired['candidate_accuracy']:.1%}, "
        f"production {paired['production_accuracy']:.1%}: "
        + ("no evidence that it fell there" if good else f"it fell there (p = {p_value:.2g})"),
        **paired,
        fell_p_value=p_value,
    )
