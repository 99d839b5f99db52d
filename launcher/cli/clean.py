"""`catwalk clean`: what nobody needs any more, told first, removed with --yes."""

from __future__ import annotations

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--yes", action="store_true", help="remove it (default: only tell)")
    parser.add_argument(
        "--days", type=float, metavar="N", help="CATWALK_CLEAN_AFTER_DAYS for this call"
    )
    parser.add_argument(
        "--keep-versions", type=int, metavar="N", help="CATWALK_CLEAN_KEEP_VERSIONS for this call"
    )


def run(given: argparse.Namespace) -> int:
    """Every project whose file can be read, or the one that --project names."""
    from launcher.airflow_steps.projects import readable_projects
    from launcher.cleaning import clean
    from launcher.local.machine import Machine
    from model_zoo.errors import UserError
    from model_zoo.settings import Cleaning, load_project

    machine = Machine.load()
    cleaning = Cleaning.load(clean_after_days=given.days, clean_keep_versions=given.keep_versions)
    if given.project:
        projects = [load_project(given.project, places=machine.places)]
    else:
        projects = readable_projects()
    if not projects:
        raise UserError(
            f"{machine.places.projects_dir} has no project that can be read: what is in "
            "production cannot be known, so nothing is removed"
        )
    clean(projects, machine, cleaning, print, remove=given.yes)
    return 0
