"""What ``CATWALK_STORAGE`` keeps and nobody needs any more: runs, shares of searches, datasets.

No lock of this machine tells whether another one works in a run there. So a run that has not ended
counts as under way for :data:`ABANDONED_DAYS`, whatever the settings say, and a run goes only while
its manifest is the one that was looked at: who writes it meanwhile keeps it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from model_zoo.registry.store import store_of
from model_zoo.registry.versions import list_versions
from model_zoo.runs.folder import NOTE
from model_zoo.runs.old import DAY, Old
from model_zoo.runs.steps import STEPS
from model_zoo.runs.storage import reached
from model_zoo.runs.stored_folder import MANIFEST, StoredFolder, file_system
from model_zoo.settings import Cleaning, Places, Project

ABANDONED_DAYS = 30.0  # no step may take as long


@dataclass(frozen=True)
class StoredRun:
    """A run as storage has it; ``project`` is empty where it does not say so."""

    folder: StoredFolder
    manifest: dict[str, Any]
    name: str
    project: str
    identity: str
    dataset: str
    has_searched: bool
    has_ended: bool
    used: float  # seconds since 1970


@dataclass(frozen=True)
class Needed:
    """By versions that carry an alias or are among the newest."""

    projects: set[str]  # all others are nobody's to judge
    identities: set[str]
    datasets: set[str]


def find_old_in_storage(
    projects: list[Project], places: Places, cleaning: Cleaning
) -> Iterator[Old]:
    """Everything in storage that may go, runs first, as they hold on to shares and datasets.

    Raises:
        RegistryUnavailable: MLflow cannot be asked what is in production.
        UserError: storage cannot be read; Unavailable while it does not answer.
    """
    if not places.storage:
        return
    needed = _needed(projects, places, cleaning.clean_keep_versions)
    before = time.time() - cleaning.clean_after_days * DAY
    with reached(places.storage):
        fs, root = file_system(places.storage)
        fs.invalidate_cache()
        runs = [_look(places.storage, name) for name in _names(fs, f"{root.rstrip('/')}/runs")]
        going = {one.folder.there for one in runs if _may_go(one, needed, before)}
        found = [_run(one) for one in runs if one.folder.there in going]
        found += _shares(fs, root.rstrip("/"), runs, going, before)
        kept = {one.dataset for one in runs if one.folder.there not in going}
        found += _datasets(fs, root.rstrip("/"), kept | needed.datasets, before)
    yield from found


def _needed(projects: list[Project], places: Places, keep: int) -> Needed:
    identities, datasets = set(), set()
    for project in projects:
        versions = list_versions(store_of(project, places))
        for number, one in enumerate(versions):
            if one.aliases or number < keep:
                identities.add(one.tags.get("run_identity", ""))
                datasets.add(one.tags.get("dataset_digest", ""))
    return Needed({one.name for one in projects}, identities, datasets)


def _look(url: str, name: str) -> StoredRun:
    folder = StoredFolder(url, f"runs/{name}", Path(name))
    manifest = folder.manifest()
    if manifest is None:  # of a push or a removal that was killed, or of a push under way
        return StoredRun(
            folder, {}, name, "", "", "", False, False, last_used(folder.fs, folder.there)
        )
    note = folder.json_of(manifest, NOTE) or {}
    ingest = folder.json_of(manifest, "ingest.json") or {}
    return StoredRun(
        folder,
        manifest,
        note.get("name", name),
        note.get("project", ""),
        note.get("identity", ""),
        ingest.get("dataset", ""),
        "tune.json" in manifest["files"],
        f"{STEPS[-1]}.json" in manifest["files"] or bool(ingest.get("nothing_new")),
        folder.fs.modified(f"{folder.there}/{MANIFEST}").timestamp(),
    )


def _may_go(run: StoredRun, needed: Needed, before: float) -> bool:
    if not run.has_ended:
        before = min(before, time.time() - ABANDONED_DAYS * DAY)
    if run.used > before:
        return False
    if not run.manifest:
        return True
    return run.project in needed.projects and run.identity not in needed.identities


def _run(run: StoredRun) -> Old:
    size = size_of(run.folder.fs, run.folder.there)
    return Old("runs in storage", run.name, (), partial(_remove_run, run), size)


def _remove_run(run: StoredRun) -> bool:
    """Its manifest first, without which it is none; unless somebody has written that meanwhile."""
    fs, there = run.folder.fs, run.folder.there
    if (run.folder.manifest() or {}) != run.manifest:
        return False
    if run.manifest:
        fs.rm_file(f"{there}/{MANIFEST}")
    return _remove(fs, there)


def _shares(
    fs: Any, root: str, runs: list[StoredRun], going: set[str], before: float
) -> Iterator[Old]:
    """Shares of searches whose run goes, has made its choice among them, or is not there."""
    by_name = {one.folder.there.rpartition("/")[2]: one for one in runs}
    for name in _names(fs, f"{root}/shares"):
        there, run = f"{root}/shares/{name}", by_name.get(name)
        over = run is None or run.folder.there in going or run.has_searched
        if over and last_used(fs, there) < before:
            yield _plain("shares of searches in storage", fs, there)


def _datasets(fs: Any, root: str, needed: set[str], before: float) -> Iterator[Old]:
    for name in _names(fs, f"{root}/datasets"):
        there = f"{root}/datasets/{name}"
        if name not in needed and last_used(fs, there) < before:
            yield _plain("datasets in storage", fs, there)


def _plain(kind: str, fs: Any, there: str) -> Old:
    name = there.rpartition("/")[2]
    return Old(kind, name, (), partial(_remove, fs, there), size_of(fs, there))


def _remove(fs: Any, there: str) -> bool:
    fs.invalidate_cache()
    if fs.exists(there):  # of S3 a folder is what lies in it
        fs.rm(there, recursive=True)
    return True


def _names(fs: Any, folder: str) -> list[str]:
    try:
        found = fs.ls(folder, detail=False)
    except FileNotFoundError:
        return []
    return sorted(path.rstrip("/").rpartition("/")[2] for path in found)


def last_used(fs: Any, folder: str) -> float:
    """When anything in a folder of storage changed last, seconds since 1970; 0: it is empty."""
    return max((fs.modified(path).timestamp() for path in fs.find(folder)), default=0.0)


def size_of(fs: Any, folder: str) -> int:
    """Bytes of everything in it."""
    return sum(int(one["size"] or 0) for one in fs.find(folder, detail=True).values())
