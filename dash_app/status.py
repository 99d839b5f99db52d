"""What the outside may know of how the server is: no path, no address, no credentials."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from model_zoo.predictor import ProductionPredictor
from model_zoo.registry.client import RegistryUnavailable
from model_zoo.settings import Places

#: The project that `catwalk demo` runs when nobody says another.
OF_DEMO = Places.model_fields["project"].default
NO_USE = "what production points at cannot be served (`catwalk rollback`, or promote another)"
PLACES = re.compile(r"[a-z+]+://\S+|(?<![\w/])/(?:[^\s/:,]+/)+[^\s/:,]*")


@dataclass(frozen=True)
class Status:
    """``version`` None when nothing can be served; ``problem`` None when all is well."""

    version: str | None
    problem: str | None


@dataclass(frozen=True)
class Listed:
    """One project, as people choose among them.

    Attributes:
        version: what is in production; None: nothing, or nobody knows yet.
        problem: why it does not answer, or not as it should; None when all is well.
        loaded: whether its version is in memory.
        broken: its file cannot be read, and nobody has asked for it before it was so.
    """

    name: str
    version: str | None
    problem: str | None
    loaded: bool = False
    broken: bool = False

    def as_dict(self) -> dict[str, Any]:
        """As the API gives it."""
        return {
            "project": self.name,
            "version": self.version,
            "problem": self.problem,
            "loaded": self.loaded,
            "page": page_path(self.name),
        }


def page_path(project: str) -> str:
    """Where a project's page is on this server."""
    return f"/p/{quote(project)}/"


def status_of(predictor: ProductionPredictor) -> Status:
    """How ``predictor`` is, in words for everybody; its log has the details."""
    problem, trouble = predictor.problem, predictor.in_short or NO_USE
    version = predictor.version
    if version is None:
        if not problem:
            return Status(None, nothing_yet(predictor.store.experiment))
        if problem == trouble:  # nothing carries the alias, but something nearly does
            return Status(None, problem)
        return Status(None, f"{trouble}, and no version has been kept here")
    if problem:
        return Status(
            version, f"{trouble}: version {version}, the last good one, goes on answering"
        )
    return Status(version, None)


def nothing_yet(project: str) -> str:
    """What to do for a first version of a project."""
    if project == OF_DEMO:
        return (
            "nothing is in production yet: run `catwalk demo`, or retrain and then promote a "
            "version with `catwalk promote VERSION`"
        )
    return (
        f"nothing of {project} is in production yet: run `catwalk run --project {project}`; a "
        f"version that the gate holds back is promoted with `catwalk promote VERSION --project "
        f"{project}`"
    )


def public(error: Exception) -> str:
    """The sentence of an error, without addresses and paths."""
    if isinstance(error, RegistryUnavailable):
        return f"{error.in_short}, and this has not been read before: try again later"
    return PLACES.sub("...", str(error))
