"""`catwalk look NAME`: what is in the images of a project."""

from __future__ import annotations

import argparse
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from model_zoo.data.image_folder.source import Looked
    from model_zoo.data.source import Found

MOST_CLASSES = 30  # that are listed; of more the largest and the smallest
NAMED = 10  # files that are named
PARTS = ("training", "validation", "test")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", nargs="?", metavar="NAME", help="of the project; as --project")


def run(given: argparse.Namespace) -> int:
    """Read what is new or changed, and say what there is."""
    from model_zoo.data.image_folder.source import NAME, look
    from model_zoo.data.source import SOURCES
    from model_zoo.plugin_registry import discover
    from model_zoo.settings import Places, load_project

    places = Places.load()
    project = load_project(given.name or given.project, places=places)
    places = places.of(project.name)  # whose images keep the parts that they have
    discover(places.plugins_dir)

    def say(words: str) -> None:
        print(words, flush=True)

    if project.data.source == NAME:
        print_looked(project.name, look(project.data, places, say))
    else:
        found = SOURCES.get(project.data.source)(project.data, places, say)
        print(f"{project.name}: {found.dataset.origin}")
        print_classes(counts_of(found))
    return 0


def counts_of(found: Found) -> dict[str, Counter[str]]:
    """Images of each class by part, of any source."""
    counts: dict[str, Counter[str]] = {label: Counter() for label in found.dataset.labels}
    for part, images in found.parts.items():
        for label in images.labels:
            counts[found.dataset.labels[label]][part] += 1
    return counts


def print_looked(name: str, looked: Looked) -> None:
    """Sentences, a table of the classes, and the files that are left out."""
    from model_zoo.data.image_folder.report import counts_by_class, sentences

    print(f"{name}: {looked.arranged.root}")
    for sentence in sentences(looked):
        print(f"  {sentence}")
    print_classes(counts_by_class(looked))
    left_out = sorted(looked.left_out, key=lambda one: not one.broken)
    for one in left_out[:NAMED]:
        print(f"  {'broken' if one.broken else 'left out'}: {one.path}: {one.reason}")
    if len(left_out) > NAMED:
        print(f"  and {len(left_out) - NAMED:,} more: a run lists all in data/broken.csv")


def print_classes(counts: dict[str, Counter[str]]) -> None:
    """A row a class."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("class", overflow="fold")
    for part in PARTS:
        table.add_column(part, justify="right")
    rows = list(counts.items())
    half = MOST_CLASSES // 2
    cut = len(rows) - 2 * half if len(rows) > MOST_CLASSES else 0
    for number, (label, parts) in enumerate(rows):
        if cut and half <= number < half + cut:
            if number == half:
                table.add_row(f"... {cut:,} classes between them", "", "", "")
            continue
        table.add_row(label, *(f"{parts[part]:,}" for part in PARTS))
    total = [f"{sum(parts[part] for parts in counts.values()):,}" for part in PARTS]
    table.add_row("all", *total, style="bold")
    Console().print(table)
