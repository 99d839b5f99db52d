"""`catwalk backbones`: the catalogue as a table or JSON, and the check of one backbone."""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING

from model_zoo.errors import UserError

if TYPE_CHECKING:
    from model_zoo.backbones.catalogue import Card

PIPED_WIDTH = 180  # columns, where no terminal says how many it has


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("pattern", nargs="?", default="*", help="shell wildcard (default: *)")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--check", metavar="NAME", help="check one backbone against the contract")


def run(given: argparse.Namespace) -> int:
    """Print what was asked for; returns the exit status.

    Raises:
        UserError: nothing matches, or the checked backbone breaks the contract.
    """
    from model_zoo.backbones import get_backbone, list_backbones
    from model_zoo.plugin_registry import discover
    from model_zoo.runs.runner import quiet
    from model_zoo.settings import Places

    quiet()
    places = Places.load()
    discover(places.plugins_dir)
    if given.check is not None:
        return _check(given.check)
    names = list_backbones(given.pattern)
    if not names:
        get_backbone(given.pattern)  # says which names are near
    from model_zoo.backbones.catalogue import card

    cache = places.cache_dir / "backbones.json"
    cards = [
        card(get_backbone(name), cache, lambda text: print(text, file=sys.stderr, flush=True))
        for name in names
    ]
    (_print_json if given.json else _print_table)(cards)
    return 0


def _print_json(cards: list[Card]) -> None:
    print(json.dumps([one.as_dict() for one in cards], indent=2))


def _print_table(cards: list[Card]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("name", "source")
    for heading in ("parameters", "size", "multiply-adds"):
        table.add_column(heading, justify="right")
    for heading in ("weights", "licence", "last block, what it trains"):
        table.add_column(heading)
    table.add_column("blocks", justify="right")
    for one in cards:
        table.add_row(
            one.name,
            one.source,
            f"{one.counts.parameters / 1e6:.2f} M",
            f"{one.native_size} px",
            f"{one.counts.multiply_adds / 1e9:.3f} G",
            one.weights_source,
            one.weights_licence,
            f"{one.blocks[-1]}, {one.counts.last_block_parameters / 1e6:.2f} M",
            str(len(one.blocks)),
        )
    Console(width=None if sys.stdout.isatty() else PIPED_WIDTH).print(table)


def _check(name: str) -> int:
    from model_zoo.backbones import get_backbone
    from model_zoo.backbones.check import run_checks
    from model_zoo.lean_keras import import_keras

    import_keras()

    wrong = 0
    for what, problems in run_checks(get_backbone(name)):
        print(f"{'WRONG' if problems else 'ok   '}  {what}", flush=True)
        for problem in problems:
            print(f"         {problem}", flush=True)
        wrong += bool(problems)
    if wrong:
        raise UserError(f"{name} breaks the contract of a backbone in {wrong} of its checks")
    return 0
