"""`catwalk health`: what the last look at a project's images found, and where all of it lies."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

#: What a rule made of a finding.
OUTCOMES = {"ok": "within limits", "warn": "look at it", "stop": "stops the run"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--run", metavar="NAME", help="of this run (default: the last one here)")


def run(given: argparse.Namespace) -> int:
    """A line a finding, the sentences of the rules that spoke, and the files.

    Raises:
        UserError: no run of this home has looked at the images.
    """
    from model_zoo.files import read_json
    from model_zoo.runs.health import FACTS
    from model_zoo.settings import Places, load_project

    places = Places.load()
    project = load_project(given.project, places=places)
    folder = last_health(places, project.name, given.run)
    print_health(read_json(folder / FACTS), folder)
    return 0


def last_health(places: Any, project_name: str, run_name: str | None) -> Path:
    """The folder that the step `health` of a run left: of the one named, or of the last.

    Args:
        places: ``model_zoo.settings.Places``.
    """
    from model_zoo.errors import UserError
    from model_zoo.runs.folder import list_runs, run_folder
    from model_zoo.runs.health import FACTS
    from model_zoo.runs.run_records import HEALTH

    names = [run_name] if run_name else list_runs(places, project_name)
    folders = [run_folder(places, project_name, name) / HEALTH for name in names]
    found = [folder for folder in folders if (folder / FACTS).exists()]
    if not found:
        which = f"run {run_name!r}" if run_name else "no run"
        raise UserError(
            f"{which} of {project_name} in {places.home} has {'not ' if run_name else ''}looked at "
            "the images: `catwalk run` does, in its step health; for a version see the page's tab "
            "Data, or health/page.html of its run in MLflow"
        )
    return max(found, key=lambda folder: (folder / FACTS).stat().st_mtime)


def print_health(found: dict[str, Any], folder: Path) -> None:
    """A table, then what the rules say.

    Args:
        found: ``Health.as_dict``.
        folder: with the page and the table of all suspects.
    """
    from rich import box
    from rich.console import Console
    from rich.table import Table

    from model_zoo.runs.health import PAGE, TABLE

    print(f"Snapshot {found['snapshot']}, as run {folder.parent.name} found it:")
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 2, 0, 0))
    for name in ("finding", "images", "of", "rule"):
        table.add_column(name, justify="right" if name in ("images", "of") else "left")
    for one in found["findings"]:
        outcome = OUTCOMES[one["outcome"]]
        table.add_row(one["title"], f"{one['found']:,}", f"{one['of']:,}", outcome)
    Console().print(table)
    for one in found["findings"]:
        if one["outcome"] != "ok":
            print(f"{one['title']}: {one['sentence']}")
    for note in found["notes"]:
        print(f"Not looked for: {note}")
    print(
        f"The images behind each number: {folder / PAGE}\nEvery one, a row each: {folder / TABLE}"
    )
