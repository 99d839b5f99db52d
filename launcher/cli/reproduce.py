"""`catwalk reproduce`: make a version again from what it recorded, and say what differs."""

from __future__ import annotations

import argparse
from typing import Any


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("version")
    parser.add_argument(
        "--name", help="names the run; that of an unfinished run continues it (default: "
        "reproduce-VERSION)"
    )  # fmt: skip


def run(given: argparse.Namespace) -> int:
    """Run the steps that make the model, then compare; nothing is registered or promoted."""
    from launcher import step_process
    from model_zoo.registry.store import store_of
    from model_zoo.registry.versions import check_origin, get_version
    from model_zoo.runs.reproduce import differences, make_again, project_of, recorded
    from model_zoo.runs.runner import quiet, run_step
    from model_zoo.settings import Places, Project, load_project

    quiet()
    places = Places.load()
    project = load_project(given.project, places=places)
    store = store_of(project, places)
    version = get_version(store, given.version)
    check_origin(store, version)
    before = recorded(store, version)
    project = project_of(project, before.lineage, places)
    name = given.name or f"reproduce-{version.version}"

    def in_a_process(step: str, project: Project, places: Places, name: str) -> dict[str, Any]:
        given = before.lineage.settings | {"retraining.force": True}
        return step_process.run_step(step, project, places, name, given, print)

    runs = run_step if project.training.backend == "tensorflow" else in_a_process
    made = make_again(project, places, before.lineage, name, runs, print)
    found = differences(before, made)
    print("\n".join(found))
    other = sum("DIFFER" in one for one in found)
    print(f"version {version.version} {'differs' if other else 'was made again, bit for bit'}")
    return 0
