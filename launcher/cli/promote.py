"""`catwalk promote`: point production at a version, by hand."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from model_zoo.errors import UserError

if TYPE_CHECKING:
    from model_zoo.registry.promotion import Outcome
    from model_zoo.settings import Project


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("version")
    parser.add_argument("--reason", default="", help="kept in the history (default: by hand)")
    parser.add_argument(
        "--by", default="", metavar="NAME", help="default: the user at this machine"
    )
    parser.add_argument(
        "--force",
        action="store_true",
        help="bring back what a rollback rejected; needs --reason (default: no)",
    )


def run(given: argparse.Namespace) -> int:
    """Check that the version's files are whole and load, then move the alias."""
    from model_zoo.predictor.trial import try_version
    from model_zoo.registry.promotion import promote
    from model_zoo.registry.store import store_of
    from model_zoo.registry.versions import get_version
    from model_zoo.settings import Places, Serving, load_project

    if given.force and not given.reason.strip():
        raise UserError("--force brings back what was rejected: say why, with --reason")
    places = Places.load()
    project = load_project(given.project, places=places)
    store, why = store_of(project, places), given.reason or "by hand"
    try_version(store, Serving.load(), places, get_version(store, given.version))
    tell(promote(store, given.version, why, given.by, force=given.force), project, why)
    return 0


def tell(outcome: Outcome, project: Project, why: str) -> None:
    """What was put right on the way, then what is in production; to Airflow too, if it moved."""
    for sentence in outcome.said:
        print(f"catwalk: {sentence}", file=sys.stderr)
    before = f", before it version {outcome.replaced}" if outcome.replaced else ""
    print(f"production is version {outcome.version.version}{before}")
    if outcome.moved:
        from launcher.local.machine import Machine
        from launcher.local.production_event import tell_airflow

        if untold := tell_airflow(project, Machine.load(), outcome.version.version, why):
            print(f"catwalk: {untold}", file=sys.stderr)
