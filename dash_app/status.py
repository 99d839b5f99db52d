"""What the outside may know of how the server is: no path, no address, no credentials."""

from __future__ import annotations

import re
from dataclasses import dataclass

from model_zoo.predictor import NothingInProduction, ProductionPredictor
from model_zoo.registry.client import RegistryUnavailable

NOTHING_YET = (
    "nothing is in production yet: run `catwalk demo`, or retrain and then promote a version "
    "with `catwalk promote VERSION`"
)
NO_USE = "what production points at cannot be served (`catwalk rollback`, or promote another)"
PLACES = re.compile(r"[a-z+]+://\S+|(?<![\w/])/(?:[^\s/:,]+/)+[^\s/:,]*")


@dataclass(frozen=True)
class Status:
    """``version`` None when nothing can be served; ``problem`` None when all is well."""

    version: str | None
    problem: str | None


def status_of(predictor: ProductionPredictor) -> Status:
    """How ``predictor`` is, in words for everybody; its log has the details."""
    problem, trouble = predictor.problem, predictor.in_short or NO_USE
    try:
        version = predictor.current.version
    except NothingInProduction:
        if not problem:
            return Status(None, NOTHING_YET)
        if problem == trouble:  # nothing carries the alias, but something nearly does
            return Status(None, problem)
        return Status(None, f"{trouble}, and no version has been kept here")
    if problem:
        return Status(
            version, f"{trouble}: version {version}, the last good one, goes on answering"
        )
    return Status(version, None)


def public(error: Exception) -> str:
    """The sentence of an error, without addresses and paths."""
    if isinstance(error, RegistryUnavailable):
        return f"{error.in_short}, and this has not been read before: try again later"
    return PLACES.sub("...", str(error))
