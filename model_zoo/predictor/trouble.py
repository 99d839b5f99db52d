"""Why production could not be loaded: each cause has its word, for a gauge, and its sentence."""

from __future__ import annotations

from model_zoo.files import NO_ROOM, CannotWrite
from model_zoo.registry.client import HomeMoved, RegistryUnavailable
from model_zoo.registry.served_files import DamagedFile, MissingFile

#: Kinds, in the order in which they are told from each other.
HOME, REGISTRY, DISK, MISSING, DAMAGED, OTHER = (
    "home", "registry", "disk", "missing", "damaged", "other",
)  # fmt: skip
KINDS = (HOME, REGISTRY, DISK, MISSING, DAMAGED, OTHER)
#: For those outside: without addresses and paths. The registry's errors bring their own.
IN_SHORT = {
    DISK: "the disk of the page is full or cannot be written (free space on it)",
    MISSING: "files of the version in production are gone from the registry (`catwalk rollback`, "
    "or promote another)",
    DAMAGED: "files of the version in production are damaged in the registry (`catwalk rollback`, "
    "or promote another)",
}


def kind_of(error: Exception) -> str:
    """One of :data:`KINDS`."""
    if isinstance(error, HomeMoved):
        return HOME
    if isinstance(error, RegistryUnavailable):
        return REGISTRY
    if isinstance(error, CannotWrite) or (isinstance(error, OSError) and error.errno in NO_ROOM):
        return DISK
    if isinstance(error, MissingFile):
        return MISSING
    return DAMAGED if isinstance(error, DamagedFile) else OTHER


def in_short(error: Exception) -> str | None:
    """For those outside; None: nothing is known but that it cannot be served."""
    if isinstance(error, RegistryUnavailable):
        return error.in_short
    return IN_SHORT.get(kind_of(error))
