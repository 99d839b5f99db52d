"""A version's files once on the disk: its run's folder has names of the same files, no copies."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from model_zoo.files import put_in_place
from model_zoo.registry.served_files import (
    KERAS,
    folder_in_home,
    read_facts,
    sha256,
)
from model_zoo.registry.store import Store


def keep_once(store: Store, version: str, folder: Path) -> None:
    """Let the files of a run that were registered be those of the registry, by hard links.

    The Keras file of training holds the same weights as the registered one and becomes that too.
    Nobody writes into such a file: each is replaced as a whole. Where the registry lies elsewhere
    the run's own two Keras files become one; where a file system has no links all stay copies.

    Args:
        folder: of the run, whose ``served/`` has just been registered.
    """
    served = folder / "served"
    lies = folder_in_home(store, version)
    for name, digest in read_facts(served)["sha256"].items():
        own, theirs = served / name, (lies or served) / name
        if lies is not None and theirs.is_file() and sha256(theirs) == digest:
            _link(theirs, own)
    if (served / KERAS).is_file():
        _link(served / KERAS, folder / KERAS)


def _link(target: Path, name: Path) -> None:
    """Make ``name`` another name of ``target``; on failure it stays what it was."""
    if name.exists() and name.samefile(target):
        return
    partial = name.with_name(f".partial-link-{os.getpid()}{name.suffix}")
    with suppress(OSError):  # a file system without links, or another one
        partial.unlink(missing_ok=True)
        os.link(target, partial)
        put_in_place(partial, name)
    partial.unlink(missing_ok=True)
