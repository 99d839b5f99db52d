"""`catwalk backup FILE`: what a home cannot make again, while things run."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, help="to be written; .tar.gz packs it")


def run(given: argparse.Namespace) -> int:
    """Registry, artifacts, runs, snapshots, corrections, Airflow's database, project files."""
    from launcher.local.backup import back_up
    from model_zoo.settings import Places

    back_up(Places.load(), given.file.absolute(), print)
    return 0
