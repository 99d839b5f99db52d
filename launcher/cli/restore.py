"""`catwalk restore FILE`: a home from what `catwalk backup` wrote, at any path."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, help="of `catwalk backup`")


def run(given: argparse.Namespace) -> int:
    """Into CATWALK_HOME, which must be empty."""
    from launcher.local.backup import restore
    from model_zoo.settings import Places

    restore(Places.load(), given.file.absolute(), print)
    return 0
