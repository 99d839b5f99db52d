"""The story as a table: a row a month."""

from __future__ import annotations

from collections.abc import Sequence

from examples.growing.months import Told

HEAD = (
    "| month | new pictures | in all | what started a run | candidate | verdict | in production "
    "| right on the new test pictures, before → after |\n"
    "|---:|---:|---:|---|---:|---|---:|---|"
)

NONE = "-"


def table(told: Sequence[Told]) -> str:
    """Markdown."""
    return "\n".join([HEAD, *map(_row, told)]) + "\n"


def _row(one: Told) -> str:
    cells = (
        f"{one.month}",
        f"{one.arrived:,}",
        f"{one.images:,}" if one.images else NONE,
        _reason(one),
        one.candidate or NONE,
        _verdict(one),
        one.after or one.before or NONE,
        _accuracy(one),
    )
    return f"| {' | '.join(cells)} |"


def _reason(one: Told) -> str:
    if one.reason:
        return one.reason.partition(" in /")[0]
    return f"nothing: {one.watch.rpartition(': ')[2].removeprefix('together ')}"


def _verdict(one: Told) -> str:
    if one.nothing_new:
        return "nothing new, nothing to do"
    if not one.candidate:
        return NONE
    return "**promoted**" if one.promoted else f"refused: {_short(one.verdict)}"


def _short(verdict: str) -> str:
    """The first finding without its figures; all of it is in ``table.json``."""
    return verdict.removeprefix("not passed: ").partition(" (")[0]


def _accuracy(one: Told) -> str:
    if one.right_after is None:
        return NONE
    before = "no version" if one.right_before is None else _share(one.right_before, one.tested)
    return f"{before} → {_share(one.right_after, one.tested)} of {one.tested:,}"


def _share(right: int, of: int) -> str:
    return f"{right / of:.1%}"
