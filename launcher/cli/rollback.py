"""`catwalk rollback`: take production back to a version that was there before."""

from __future__ import annotations

import argparse

from launcher.cli.promote import tell


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("version", nargs="?", help="default: the one that `previous` points at")
    parser.add_argument("--reason", default="", help="kept in the history (default: none)")
    parser.add_argument(
        "--by", default="", metavar="NAME", help="default: the user at this machine"
    )


def run(given: argparse.Namespace) -> int:
    """Move the alias, and tag what it leaves as rejected."""
    from model_zoo.predictor.trial import try_version
    from model_zoo.registry.promotion import rollback
    from model_zoo.registry.store import store_of
    from model_zoo.registry.versions import find_alias, get_version
    from model_zoo.settings import Places, Serving, load_project

    places = Places.load()
    project = load_project(given.project, places=places)
    store = store_of(project, places)
    target = get_version(store, given.version) if given.version else find_alias(store, "previous")
    if target is not None:
        try_version(store, Serving.load(), places, target)
    why = f"rollback{f': {given.reason}' if given.reason else ''}"
    tell(rollback(store, given.version, given.reason, given.by), project, why)
    return 0
