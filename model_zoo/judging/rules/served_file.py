"""``served-file``: what it costs to answer with it."""

from __future__ import annotations

from model_zoo.judging.contest import Contest
from model_zoo.judging.rule import Finding, found, not_judged, register_rule


@register_rule("served-file")
def served_file(contest: Contest) -> Finding:
    """Failed when the served file is so many times as slow or as large as production's.

    Both were timed on one image in this process, and the shortest time counts: another process can
    only make it longer. The factors are wide, as times are never quite the same.
    """
    if contest.no_rival:
        return not_judged(contest.no_rival)
    ours, theirs, settings = contest.candidate.file, contest.rival.file, contest.settings
    if ours is None or theirs is None:
        return not_judged("a file that cannot be run cannot be timed")
    slower, larger = ours.latency_ms / theirs.latency_ms, ours.bytes / theirs.bytes
    wrong = []
    if slower > settings.latency_factor:
        wrong.append(f"{slower:.1f} times as slow, {settings.latency_factor:g} allowed")
    if larger > settings.size_factor:
        wrong.append(f"{larger:.1f} times as large, {settings.size_factor:g} allowed")
    sentence = (
        f"{ours.name}: {ours.latency_ms:.2f} ms for one image and {ours.bytes / 2**20:.1f} MiB, "
        f"of production {theirs.latency_ms:.2f} ms and {theirs.bytes / 2**20:.1f} MiB"
    )
    return found(
        not wrong,
        "; ".join([sentence, *wrong]),
        latency_ms=ours.latency_ms,
        bytes=ours.bytes,
        production_latency_ms=theirs.latency_ms,
        production_bytes=theirs.bytes,
    )
