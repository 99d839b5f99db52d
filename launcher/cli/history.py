"""`catwalk history`: when production moved, and why."""

from __future__ import annotations

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """None of its own."""


def run(given: argparse.Namespace) -> int:
    """A line a move, oldest first."""
    from model_zoo.registry.promotion import history
    from model_zoo.registry.store import store_of
    from model_zoo.settings import Places, load_project

    places = Places.load()
    store = store_of(load_project(given.project, places=places), places)
    moves = history(store)
    for when, what in moves:
        print(f"{when}  {what}")
    if not moves:
        print(f"Nothing has been in production yet in {store.place}.")
    return 0
