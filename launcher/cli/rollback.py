"""`catwalk rollback`: swap production and the version before it."""

from __future__ import annotations

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """None of its own."""


def run(given: argparse.Namespace) -> int:
    from model_zoo.registry.promotion import rollback
    from model_zoo.registry.store import store_of
    from model_zoo.settings import Places, load_project

    places = Places.load()
    store = store_of(load_project(given.project, places=places), places)
    print(f"production is version {rollback(store).version}")
    return 0
