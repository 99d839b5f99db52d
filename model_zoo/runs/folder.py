"""A run: one project, one folder, one random identity.

The folder's name is for people and is derived from the run's name, so that a continued run finds it
on any machine; what tells one run from another is the identity that is drawn when it is made.
"""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass
from pathlib import Path

from model_zoo.errors import UserError
from model_zoo.files import read_json, write_json
from model_zoo.progress import Say
from model_zoo.registry.store import Store, store_of
from model_zoo.settings import Places, Project, Serving

NOTE = "run.json"
BY_HAND = "started by hand"
LONGEST_NAME = 100
READABLE = 60  # characters of the name that the folder's name keeps


@dataclass(frozen=True)
class Run:
    """What a step works with.

    Attributes:
        name: for people; that of an unfinished run continues it.
        identity: 32 hexadecimal digits, drawn when the folder was made.
        folder: everything that the steps leave for each other.
        say: takes what a step tells, and how far it is (``model_zoo.progress``).
        approved_by: who said yes to the promotion, as Airflow says; empty: nobody was asked.
        reason: what started the run, in words.
    """

    project: Project
    places: Places
    name: str
    identity: str
    folder: Path
    say: Say = print
    approved_by: str = ""
    reason: str = BY_HAND

    @property
    def store(self) -> Store:
        return store_of(self.project, self.places)

    @property
    def serving(self) -> Serving:
        """How this machine runs a registered version."""
        return Serving.load()

    @property
    def tags(self) -> dict[str, str]:
        """What MLflow's run is found and grouped by."""
        return {
            "project": self.project.name,
            "profile": self.project.profile,
            "recipe": self.project.recipe,
            "backbone": self.project.model.backbone,
            "weights": self.project.model.weights,
        }


def run_folder(places: Places, project_name: str, run_name: str) -> Path:
    """The folder of a run, whether it is there or not; two names never share one.

    Raises:
        UserError: a name that cannot be carried.
    """
    check_name(run_name)
    safe = "".join(c if c.isascii() and (c.isalnum() or c in "._-") else "_" for c in run_name)
    digest = hashlib.sha256(f"{project_name}/{run_name}".encode()).hexdigest()[:8]
    return places.runs_dir / f"{safe[:READABLE]}-{digest}"


def progress_folder(places: Places, folder: Path, step: str) -> Path:
    """Where the processes of a step under way leave what they work on; gone when it has ended.

    Not in the run's folder, which is copied to storage.
    """
    return places.home / "progress" / folder.name / step


def check_name(name: str) -> None:
    """Raises UserError for a name that no run may have."""
    if not name or len(name) > LONGEST_NAME or name.startswith(".") or not name.isprintable():
        raise UserError(
            f"{name[:LONGEST_NAME]!r} cannot be the name of a run: expected 1 to {LONGEST_NAME} "
            "printable characters, the first of them no dot"
        )


def open_run(project: Project, places: Places, name: str, say: Say = print) -> Run:
    """The run of that name, made at the first call."""
    folder = run_folder(places, project.name, name)
    note = folder / NOTE
    if not note.exists():
        made = {"identity": uuid.uuid4().hex, "name": name, "project": project.name}
        write_json(note, made)
    return Run(project, places, name, str(read_json(note)["identity"]), folder, say)


def list_runs(places: Places, project_name: str) -> list[str]:
    """Names of the project's runs that have a folder here, sorted."""
    notes = (read_json(path) for path in places.runs_dir.glob(f"*/{NOTE}"))
    return sorted(note["name"] for note in notes if note["project"] == project_name)
