"""`catwalk versions`: what is registered, and which alias points where."""

from __future__ import annotations

import argparse
import sys


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """None of its own."""


def run(given: argparse.Namespace) -> int:
    """Print a table, newest version first."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    from model_zoo.registry.set_by_hand import edited_tags, misspelt
    from model_zoo.registry.store import store_of
    from model_zoo.registry.versions import aliases_of, list_versions
    from model_zoo.settings import Places, load_project

    places = Places.load()
    project = load_project(given.project, places=places)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    # Two lines a version: a terminal of 80 columns, or a pipe, cuts nothing off.
    for name in ("version", "aliases", "accuracy", "backbone", "data", "gate", "made (UTC)"):
        table.add_column(name, no_wrap=name not in ("backbone", "data"), overflow="fold")
    store = store_of(project, places)
    known = list_versions(store)
    for one in known:
        data = one.tags.get("dataset", "")
        table.add_row(
            one.version,
            "\n".join(one.aliases),
            f"{one.accuracy:.2%}" if one.accuracy is not None else "",
            f"{one.tags.get('backbone', '')}\nweights {one.tags.get('weights', 'unknown')}",
            f"{data}\ngenerated" if one.generated else data,
            one.tags.get("gate", ""),
            f"{one.created:%Y-%m-%d\n%H:%M}",
        )
    if table.row_count:
        Console().print(table)
    else:
        print(f"Nothing of {project.name} is registered yet in {places.home}: run `catwalk demo`.")
    odd = [sentence for one in known for sentence in edited_tags(one.version, one.tags)]
    for sentence in filter(None, (*odd, misspelt(aliases_of(store)))):
        print(f"catwalk: {sentence}", file=sys.stderr)
    return 0
