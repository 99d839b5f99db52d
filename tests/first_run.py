"""The run that many tests look at: made once for all workers of pytest-xdist."""

from __future__ import annotations

import gc
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock
from sqlalchemy.engine import Engine

from model_zoo.files import read_json, write_json
from model_zoo.settings import Places, Project


@dataclass(frozen=True)
class FirstRun:
    """A whole run of the workflow that has ended: its facts by step, and its folder."""

    facts: dict[str, dict[str, Any]]
    folder: Path


def make_first_run(project: Project, places: Places, shared: Path) -> FirstRun:
    """Run the workflow in ``shared``, unless another process has, and copy its home to ours."""
    from model_zoo.runs.folder import run_folder
    from model_zoo.runs.runner import run_all

    with FileLock(f"{shared}.lock"):
        if not (shared / "facts.json").exists():
            facts: dict[str, dict[str, Any]] = {}
            made = places.model_copy(update={"home": shared / "home"})
            run_all(project, made, "first", facts.__setitem__)
            write_json(shared / "facts.json", facts)
    _close_databases()
    shutil.copytree(shared / "home", places.home, dirs_exist_ok=True)
    return FirstRun(read_json(shared / "facts.json"), run_folder(places, project.name, "first"))


def _close_databases() -> None:
    """Tests before may have used the store of this home: what they read of its file is another's
    now, and SQLite may not see that."""
    for one in gc.get_objects():
        if type(one) is Engine:
            one.dispose()
