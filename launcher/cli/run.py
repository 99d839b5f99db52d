"""`catwalk run`: the workflow without Airflow, each step in a process of its own."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from launcher.cli.chosen import add_options, chosen_values
from launcher.options import OPTIONS

if TYPE_CHECKING:
    from model_zoo.settings import Places, Project


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_options(parser, OPTIONS)
    parser.add_argument("--name", help="names the run; that of an unfinished run continues it")
    parser.add_argument(
        "--allow-generated",
        action="store_true",
        help="let the source make images up if none can be had (default: no)",
    )


def run(given: argparse.Namespace) -> int:
    """Run every step, then print the scorecard."""
    from rich.console import Console

    from launcher import step_process
    from launcher.progress.display import shown
    from launcher.progress.workflow import Watched
    from model_zoo.runs.runner import quiet, run_all
    from model_zoo.runs.scorecard import print_scorecard
    from model_zoo.settings import Places, load_project

    quiet()
    places = Places.load(allow_generated=given.allow_generated or None)
    chosen = chosen_values(given, OPTIONS)
    project = load_project(given.project, chosen, places)
    name = given.name or unnamed(places, project)
    print(f"Run {name}. To continue it after a stop: catwalk run --name {name} ...", flush=True)

    # A process has one backend, and a step that computes lets nothing else run beside it.
    def in_a_process(step: str, project: Project, places: Places, name: str) -> dict[str, Any]:
        return step_process.run_step(step, project, places, name, chosen, print, speak_every=None)

    with shown(Watched(project, places, name).standing, Console()):
        last = run_all(
            project,
            places,
            name,
            lambda step, facts: print(f"{step} done in {facts['step_seconds']:.0f} s", flush=True),
            in_a_process,
        )
    if last.get("nothing_new"):
        print(last["nothing_new"])
        return 0
    print_scorecard(project, places, name)
    return 0


def unnamed(places: Places, project: Project) -> str:
    """A name that no run here has yet, also of those that begin in the same second."""
    from model_zoo.runs.folder import run_folder

    while True:
        name = datetime.now(UTC).strftime("run-%Y-%m-%dT%H-%M-%S.%f")[:-3]
        if not run_folder(places, project.name, name).exists():
            return name
