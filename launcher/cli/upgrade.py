"""`catwalk upgrade`: databases of an older version to this one's, after a copy of each."""

from __future__ import annotations

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--backed-up",
        action="store_true",
        help="in containers: there is a backup (docker/backup makes one)",
    )


def run(given: argparse.Namespace) -> int:
    """Those of the home, or in containers those that the environment names."""
    from launcher.local.machine import Machine
    from launcher.local.upgrade import upgrade

    upgrade(Machine.load(), print, backed_up=given.backed_up)
    return 0
