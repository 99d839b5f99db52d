"""One project's place in MLflow: which server or file, which experiment, which model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from model_zoo.registry.database import ARTIFACTS, FILE
from model_zoo.settings import Places, Project


@dataclass(frozen=True)
class Store:
    """What every call to MLflow needs to know.

    Attributes:
        home: the folder of locks and, without a server, of the database and the artifacts.
        server: the tracking URI of a server; empty: the database under ``home``.
        experiment: the name of the project.
    """

    home: Path
    server: str
    experiment: str
    model: str

    @property
    def uri(self) -> str:
        """As MLflow takes it."""
        return self.server or sqlite_uri(self.home / FILE)

    @property
    def place(self) -> str:
        """Where people find it: the server, or the home."""
        return self.server or str(self.home)

    @property
    def artifact_dir(self) -> Path:
        """Where artifacts lie without a server."""
        return self.home / ARTIFACTS


def sqlite_uri(path: Path) -> str:
    """A database file as SQLAlchemy takes it, which decodes what it is given."""
    quoted = str(path).replace("%", "%25").replace("?", "%3F")
    return f"sqlite:///{quoted}"


def store_of(project: Project, places: Places) -> Store:
    """The place of a project."""
    return Store(places.home, places.tracking_uri, project.experiment, project.registered_model)
