"""What people choose for one run: short flags, and `--set` for any other value of a project."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from typing import Any

from launcher.options import OPTIONS, field_of, given_values
from model_zoo.errors import UserError


def add_options(parser: argparse.ArgumentParser, names: Iterable[str]) -> None:
    """A flag for each short name, and `--set`."""
    for name in names:
        switch = field_of(OPTIONS[name]).annotation is bool
        parser.add_argument(
            f"--{name.replace('_', '-')}",
            **({"action": "store_const", "const": True} if switch else {"metavar": name.upper()}),
            help=f"{field_of(OPTIONS[name]).description} ({OPTIONS[name]})".replace("%", "%%"),
        )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="any value by its name in a project file, as training.batch_size=64; repeatable",
    )


def chosen_values(given: argparse.Namespace, names: Iterable[str]) -> dict[str, Any]:
    """What was chosen, by dotted names.

    Raises:
        UserError: a `--set` without a value.
    """
    values = given_values({name: getattr(given, name) for name in names})
    for one in given.set:
        name, equals, value = one.partition("=")
        if not equals or not name.strip():
            raise UserError(f"--set {one!r}: expected NAME=VALUE, as training.batch_size=64")
        values[name.strip()] = value.strip()
    return values
