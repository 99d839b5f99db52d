"""What the processes of a step report, in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from model_zoo.progress import MAIN, Part, Report

SILENT_SECONDS = 10.0  # after so many without a sign of life a rate says nothing about now


def in_a_line(reports: Sequence[Report], now: float, waited: float, waits: str = "starting") -> str:
    """What a step works on, how fast, and for how much longer.

    Args:
        now: on the monotonic clock.
        waited: seconds since anything was heard of the step, should it report nothing.
        waits: for what, in that case.
    """
    said = [
        f"{part.what}: {', '.join(facts)}" if facts else part.what
        for part, facts in facts_of(reports, now)
    ]
    return "; ".join(said) or f"{'at work' if reports else waits}, for {duration(waited)}"


def facts_of(reports: Sequence[Report], now: float) -> Iterator[tuple[Part, list[str]]]:
    """Each part that is under way, and what is known of it."""
    for report in reports:
        for part in report.parts:
            works = part is report.parts[-1]  # itself, and not by what is inside it
            helped = works and report.process == MAIN and bool(_helpers(reports))
            facts = _figures(part, now, works and not helped)
            left = left_with_helpers(part, reports, now) if helped else part.left
            yield part, facts + ([] if left is None else [f"about {duration(left)} left"])


def _figures(part: Part, now: float, works: bool) -> list[str]:
    facts = [part.now] if part.now else []
    if part.total and part.unit == "bytes":
        facts.append(f"{part.done / 1e6:,.1f} of {part.total / 1e6:,.1f} MB")
    elif part.total:
        facts.append(f"{part.done:,.0f} of {part.total:,.0f} {part.unit}")
    begun = part.done > part.first  # before, it is built and compiled
    if begun and works and now - part.noted > SILENT_SECONDS:
        facts.append(f"nothing new for {duration(now - part.noted)}")
    elif part.unit == "bytes" and part.rate:
        facts.append(f"{part.rate / 1e6:,.1f} MB/s")
    elif part.rate >= 1:
        facts.append(f"{part.rate:,.0f} {part.unit}/s")
    elif works and not begun:
        facts.append(f"for {duration(now - part.began)}")
    if part.best:
        facts.append(f"best {part.best}")
    return facts


def _helpers(reports: Sequence[Report]) -> list[Report]:
    """The processes that work for the one in which the step began."""
    return [one for one in reports if one.process != MAIN and one.parts]


def left_of_step(reports: Sequence[Report], now: float) -> float | None:
    """Seconds to the end of the step, where it is at what takes nearly all of its time."""
    for report in reports:
        for part in report.parts:
            if part.ends_step:
                return left_with_helpers(part, reports, now)
    return None


def left_of_part(reports: Sequence[Report]) -> float:
    """Seconds to the end of the longest part at work: the step lasts no shorter."""
    return max((part.left or 0.0 for report in reports for part in report.parts), default=0.0)


def left_with_helpers(part: Part, reports: Sequence[Report], now: float) -> float | None:
    """As ``part.left`` for a part whose units other processes work on, each on one: a trial that is
    half trained is half a trial."""
    at_work = [report.parts[0] for report in _helpers(reports)]
    ended = part.done - part.first
    if ended > 0:
        done = min(part.total, part.done + sum(one.fraction for one in at_work))
        return (part.total - done) * (now - part.began) / (done - part.first)
    known = [(one.left, now - one.began) for one in at_work if one.left is not None]
    if not known:
        return part.left
    each = sum(left + so_far for left, so_far in known) / len(known)
    waiting = max(0.0, part.total - part.done - len(at_work))
    return max(left for left, _ in known) + waiting * each / len(known)


def duration(seconds: float) -> str:
    """As a person says it: 40 s, 3 min, 1 h 10 min."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
