"""`catwalk approve`: say yes to a version that passed the gate, and put it into production."""

from __future__ import annotations

import argparse

from launcher.cli.promote import tell


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("version")
    parser.add_argument("--by", required=True, metavar="NAME", help="who approves; kept with it")
    parser.add_argument("--reason", default="", help="kept with it (default: none)")


def run(given: argparse.Namespace) -> int:
    """Check that the verdict is about today's production and the files load, then promote."""
    from model_zoo.predictor.trial import try_version
    from model_zoo.registry.promotion import approve
    from model_zoo.registry.store import store_of
    from model_zoo.registry.versions import get_version
    from model_zoo.settings import Places, Serving, load_project

    places = Places.load()
    project = load_project(given.project, places=places)
    store, hours = store_of(project, places), project.judging.approval_hours
    try_version(store, Serving.load(), places, get_version(store, given.version))
    why = f"approved by {given.by}{f': {given.reason}' if given.reason else ''}"
    tell(approve(store, given.version, given.by, hours, given.reason), project, why)
    return 0
