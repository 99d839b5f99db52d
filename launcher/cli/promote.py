"""`catwalk promote`: point production at a version, by hand."""

from __future__ import annotations

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("version")
    parser.add_argument("--reason", default="by hand", help="kept in the history")


def run(given: argparse.Namespace) -> int:
    from model_zoo.registry.promotion import promote
    from model_zoo.registry.store import store_of
    from model_zoo.settings import Places, load_project

    places = Places.load()
    store = store_of(load_project(given.project, places=places), places)
    print(f"production is version {promote(store, given.version, given.reason).version}")
    return 0
