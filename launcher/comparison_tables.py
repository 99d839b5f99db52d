"""A comparison of two versions for a terminal of 80 columns."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.table import Table

from model_zoo.comparison import Comparison, Figure, Part
from model_zoo.comparison.words import between, number, signed

MOST_PARTS = 20  # rows of a table
MOST_IMAGES = 5


def tell(found: Comparison, console: Console | None = None) -> None:
    """Print it: what to know first, figures, parts, cost, the most confident mistakes."""
    say = console or Console()
    first, second = (f"version {one.version}" for one in (found.first, found.second))
    images = len(found.common)
    how = f"against {first}, on the same {images:,} test images"
    if not images:
        how = f"beside {first}, each on its own test images"
    say.print(f"Version {found.second.version} {how}", highlight=False)
    # Names of classes and plugins are anybody's: no markup in them.
    for note in found.notes:
        say.print(f"  {note}", markup=False, highlight=False)
    say.print(_figures(found.figures, first, second))
    for title, parts in (
        ("class", found.classes),
        ("slice", found.slices),
        ("corrupted by", found.corruptions),
    ):
        if parts:
            say.print(_parts(title, parts, first, second))
    if found.classes:
        say.print(
            "p: exact McNemar, corrected by Holm for all rows of a table. Intervals are in points, "
            "each of its row alone.",
            highlight=False,
        )
    say.print(_cost(found, first, second))
    for kind, name in (("first", first), ("second", second)):
        _tell_images(say, found, kind, name)


def _table(*columns: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for name in columns:
        left = name == columns[0]
        table.add_column(
            name, overflow="fold", no_wrap=not left, justify="left" if left else "right"
        )
    return table


def _figures(figures: Sequence[Figure], first: str, second: str) -> Table:
    table = _table("figure", first, second, "difference", "95 % interval", "it is")
    for one in figures:
        percent = one.name not in ("brier", "log_loss")
        table.add_row(
            one.title,
            number(one.first, percent),
            number(one.second, percent),
            signed(one.difference, percent),
            between(one.low, one.high, percent),
            one.second_is,
        )
    return table


def _parts(title: str, parts: Sequence[Part], first: str, second: str) -> Table:
    table = _table(title, "images", first, second, "95 % interval", "p", "it is")
    for one in parts[:MOST_PARTS]:
        table.add_row(
            one.name.replace("[", "\\["),
            f"{one.images:,}",
            number(one.first),
            number(one.second),
            between(one.low, one.high),
            "too few" if one.p_value is None else f"{one.p_value:.2g}",
            one.second_is,
        )
    if len(parts) > MOST_PARTS:
        table.add_row(f"and {len(parts) - MOST_PARTS:,} more, in --json", *[""] * 6)
    return table


def _cost(found: Comparison, first: str, second: str) -> Table:
    table = _table("served file", first, second)
    a, b = found.costs
    table.add_row("file", a.file, b.file)
    table.add_row("size", *(_mib(one.bytes) for one in (a, b)))
    table.add_row("one image", *(_ms(one.latency_ms) for one in (a, b)))
    table.caption, table.caption_justify = found.timed, "left"
    return table


def _tell_images(say: Console, found: Comparison, kind: str, name: str) -> None:
    places = found.differing(kind)
    say.print(f"Only {name} is right on {len(places):,} images", highlight=False)
    sure, labels = (found.confidence(0), found.confidence(1)), found.common.labels
    for place in places[:MOST_IMAGES]:
        wrong, said = (1, found.common.of_second) if kind == "first" else (0, found.common.of_first)
        say.print(
            f"  test image {found.common.first[place]}, {labels[found.common.truth[place]]}: the "
            f"other says {labels[said[place]]} {sure[wrong][place]:.0%}",
            markup=False,
            highlight=False,
        )


def _mib(value: int | None) -> str:
    return "not recorded" if value is None else f"{value / 2**20:.2f} MiB"


def _ms(value: float | None) -> str:
    return "not recorded" if value is None else f"{value:.2f} ms"
