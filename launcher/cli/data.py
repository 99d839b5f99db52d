"""`catwalk data`: the snapshots of a project's images, and what changed between two."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from model_zoo.errors import UserError

if TYPE_CHECKING:
    from model_zoo.data.manifest import Change, Manifest

MOST_CLASSES = 10  # that a sentence names
ACTIONS = ("list", "compare", "forget")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "action",
        nargs="?",
        default="list",
        choices=ACTIONS,
        help="list (default): every snapshot; compare: what changed from one to another, by "
        "default between the last two; forget: take an image out of every store",
    )
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help="snapshots to compare, or the digest to forget"
    )
    parser.add_argument("--why", default="", help="forget: the reason, which is recorded")


def run(given: argparse.Namespace) -> int:
    """Print what is asked for."""
    from model_zoo.data import snapshots
    from model_zoo.settings import Places, load_project

    places = Places.load()
    project = load_project(given.project, places=places)
    places = places.of(project.name)
    if given.action == "forget":
        from model_zoo.runs.forget import forget

        (digest,) = _names(given, 1, 1, "forget: expected the digest of one image")
        for sentence in forget(digest, given.why, project, places):
            print(sentence)
        return 0
    known = snapshots.names(places.project_data)
    if not known:
        print(f"{project.name} has no snapshot in {places.project_data} yet: a run makes one.")
        return 0
    if given.action == "compare":
        named = _names(given, 0, 2, "compare: expected at most two snapshots")
        if len(known) + len(named) < 2:
            raise UserError(f"there is one snapshot, {known[0]}: nothing to compare it with")
        old = named[0] if named else known[-2]
        new = named[1] if len(named) > 1 else known[-1]
        print_change(*(snapshots.read(places.project_data, one) for one in (old, new)))
        return 0
    _names(given, 0, 0, "list takes no names")
    print_snapshots([snapshots.read(places.project_data, one) for one in known])
    return 0


def _names(given: argparse.Namespace, least: int, most: int, expected: str) -> list[str]:
    if not least <= len(given.names) <= most:
        raise UserError(f"catwalk data {expected}. Received: {' '.join(given.names) or 'none'}")
    return list(given.names)


def print_snapshots(found: list[Manifest]) -> None:
    """A row a snapshot, the newest first, with what changed since the one before it."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    from model_zoo.data.manifest import change

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for name in ("snapshot", "made (UTC)", "images", "classes", "since the one before"):
        right = name in ("images", "classes")
        table.add_column(
            name, justify="right" if right else "left", no_wrap=name == "snapshot", overflow="fold"
        )
    for number in range(len(found) - 1, -1, -1):
        one = found[number]
        before = in_words(change(found[number - 1], one)) if number else "the first"
        table.add_row(
            one.name,
            f"{datetime.fromtimestamp(one.made, UTC):%Y-%m-%d %H:%M}",
            f"{len(one):,}",
            f"{len(one.dataset.labels):,}",
            before,
        )
    Console().print(table)


def print_change(before: Manifest, after: Manifest) -> None:
    """What came, what went, and what is told otherwise, by class."""
    from model_zoo.data.manifest import change

    found = change(before, after)
    print(f"from {before.name} to {after.name}: {in_words(found)}")
    for what, counts in (("added", found.added), ("removed", found.removed)):
        if counts:
            print(f"  {what}: {by_class(counts)}")
    if found.relabelled:
        told = Counter({f"{old} -> {new}": n for (old, new), n in found.relabelled.items()})
        print(f"  relabelled: {by_class(told)}")
    ours, theirs = set(after.dataset.labels), set(before.dataset.labels)
    for what, names in (("new", ours - theirs), ("gone", theirs - ours)):
        if names:
            print(f"  classes that are {what}: {', '.join(sorted(names))}")


def in_words(found: Change) -> str:
    """The numbers, largest matters first."""
    words = [
        f"{count:,} {what}"
        for count, what in (
            (found.added.total(), "added"),
            (found.removed.total(), "removed"),
            (found.relabelled.total(), "relabelled"),
            (found.moved, "in another part"),
        )
        if count
    ]
    return ", ".join(words) or "the same images, described otherwise"


def by_class(counts: Mapping[str, int]) -> str:
    """Classes with their numbers, the largest first."""
    rows = sorted(counts.items(), key=lambda one: (-one[1], one[0]))
    more = f" and {len(rows) - MOST_CLASSES:,} more" if len(rows) > MOST_CLASSES else ""
    return ", ".join(f"{name} {count:,}" for name, count in rows[:MOST_CLASSES]) + more
