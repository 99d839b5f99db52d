"""What a home keeps and nobody needs any more: found and told first, removed when that is wanted.

Nothing goes that an alias points at, that a run under way holds (by its lock), or that was used
within the days of the settings. Every removal can be killed at any moment and made again.
"""

from __future__ import annotations

import shutil
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from model_zoo.data.corrections.store import Corrections, corrections_of
from model_zoo.data.store import DESCRIPTION
from model_zoo.files import PARTIAL, read_json
from model_zoo.locks import locked, try_locked
from model_zoo.registry import old_versions
from model_zoo.registry.deleted import deleted, remove_deleted
from model_zoo.registry.store import Store, store_of
from model_zoo.registry.versions import list_versions
from model_zoo.runs.folder import NOTE
from model_zoo.runs.old import DAY, Old
from model_zoo.runs.stored_cleaning import find_old_in_storage
from model_zoo.settings import Cleaning, Places, Project


def find_old(projects: list[Project], places: Places, cleaning: Cleaning) -> Iterator[Old]:
    """Everything that may go, runs first, as they hold on to datasets.

    Raises:
        RegistryUnavailable: MLflow cannot be asked what is in production.
    """
    before = time.time() - cleaning.clean_after_days * DAY
    stores = [store_of(project, places) for project in projects]
    runs = list(_runs(projects, places, before))
    yield from runs
    for project, store in zip(projects, stores, strict=True):
        yield from _versions(project, store, cleaning.clean_keep_versions)
        yield from _page_caches(store, places, before)
    yield from _datasets(stores, places, before, {path for one in runs for path in one.paths})
    yield from _features(places, before)
    yield from _pixel_stores(places, before)
    yield from _leftovers(places, before)
    yield from _logs(places, before)
    yield from find_old_in_storage(projects, places, cleaning)
    for project in projects:
        yield from _pictures(project, places, before)
    if stores:
        found = deleted(stores[0], cleaning.clean_after_days)
        if found.folders:
            gc = partial(_gc, places.home, cleaning.clean_after_days)
            yield Old("things deleted in MLflow", f"{len(found.folders)}", found.folders, gc)


def bytes_by_kind(found: list[Old]) -> dict[str, int]:
    """What removing all of it frees; a file with several names counts when the last one goes."""
    freed: dict[str, int] = {}
    names: Counter[tuple[int, int]] = Counter()
    for one in found:
        freed[one.kind] = freed.get(one.kind, 0) + one.elsewhere
        for path in one.paths:
            for file in _files(path):
                status = file.lstat()
                key = (status.st_dev, status.st_ino)
                names[key] += 1
                if names[key] == status.st_nlink:
                    freed[one.kind] += status.st_blocks * 512
    return freed


def last_used(path: Path) -> float:
    """When anything in it changed last, seconds since 1970."""
    return max((one.lstat().st_mtime for one in (path, *_files(path))), default=0.0)


def _files(path: Path) -> list[Path]:
    if path.is_symlink() or path.is_file():
        return [path]
    return [one for one in path.rglob("*") if one.is_symlink() or one.is_file()]


def _runs(projects: list[Project], places: Places, before: float) -> Iterator[Old]:
    """Folders of runs; that of a version with an alias stays: an approval may wait for it."""
    named: dict[str, set[str]] = {}
    for project in projects:
        known = list_versions(store_of(project, places))
        named[project.name] = {one.tags.get("run_identity", "") for one in known if one.aliases}
    for note in sorted(places.runs_dir.glob(f"*/{NOTE}")):
        folder, run = note.parent, read_json(note)
        if run["project"] not in named:  # of a project that is not here: nobody can be asked
            continue
        if run["identity"] in named[run["project"]] or last_used(folder) > before:
            continue
        yield Old("runs", run["name"], (folder,), partial(_remove_run, places, folder))


def _remove_run(places: Places, folder: Path) -> bool:
    """Unless somebody works in it."""
    locks = [places.home / "locks" / f"{folder.name}.lock"]
    locks += (places.home / "locks").glob(f"{folder.name}.share-*.lock")
    with ExitStack() as stack:
        if not all([stack.enter_context(try_locked(lock)) for lock in locks]):
            return False
        (folder / NOTE).unlink(missing_ok=True)  # a half removed one is no run
        shutil.rmtree(folder, ignore_errors=True)
    return True


def _versions(project: Project, store: Store, keep: int) -> Iterator[Old]:
    for version in old_versions.without_need(store, keep):
        files = old_versions.model_files(store, version.version)
        yield Old(
            "files of old versions",
            f"version {version.version} of {project.name}",
            tuple(path for _, _, path in files if path is not None),
            partial(old_versions.remove_files, store, version.version),
            sum(size for _, size, path in files if path is None),
        )


def _page_caches(store: Store, places: Places, before: float) -> Iterator[Old]:
    """What the page fetched from the registry; what it shows again is fetched again."""
    kept = {one.version for one in list_versions(store) if one.aliases}
    for cache in ("versions", "reports"):
        for folder in sorted((places.cache_dir / cache / store.model).glob("[0-9]*")):
            if folder.name.split(".")[0] not in kept and last_used(folder) < before:
                yield _plain("what the page fetched", folder)


def _datasets(
    stores: list[Store], places: Places, before: float, going: set[Path]
) -> Iterator[Old]:
    """Datasets that neither a run that stays nor a version with an alias learned from."""
    needed = {
        one.tags.get("dataset_digest") for store in stores for one in list_versions(store)
        if one.aliases
    }  # fmt: skip
    for facts in places.runs_dir.glob("*/ingest.json"):
        if facts.parent not in going:
            needed.add(read_json(facts).get("dataset"))
    for description in sorted(places.datasets_dir.glob(f"*/{DESCRIPTION}")):
        folder = description.parent
        if folder.name not in needed and folder.stat().st_mtime < before:
            yield Old("datasets", folder.name, (folder,), partial(_remove_dataset, folder))


def _remove_dataset(folder: Path) -> bool:
    """Its description first: without it the dataset is absent, and `ingest` makes it again."""
    (folder / DESCRIPTION).unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)
    return True


def _features(places: Places, before: float) -> Iterator[Old]:
    """A file's time is that of its last use."""
    for path in sorted((places.cache_dir / "features").glob("*.npy")):
        if path.stat().st_mtime < before:
            group = tuple(path.parent.glob(f"{path.stem}.*"))
            lock = places.cache_dir / "features.lock"
            yield Old("features", path.stem, group, partial(_remove_files, group, lock))


def _pixel_stores(places: Places, before: float) -> Iterator[Old]:
    """Decoded images of a size and preparation that no run has used for as long."""
    for folder in sorted((places.cache_dir / "pixels").glob("*/")):
        if last_used(folder) < before:
            yield Old("decoded images", folder.name, (folder,), partial(_remove_under, folder))


def _remove_under(folder: Path) -> bool:
    with locked(folder.with_suffix(".lock")):
        shutil.rmtree(folder, ignore_errors=True)
    return True


def _remove_files(paths: tuple[Path, ...], lock: Path) -> bool:
    with locked(lock):
        for path in paths:
            path.unlink(missing_ok=True)
    return True


def _leftovers(places: Places, before: float) -> Iterator[Old]:
    """What killed processes were writing, and had no chance to take away."""
    for pattern in (f"{PARTIAL}*", f"*/{PARTIAL}*", f"cache/*/*/{PARTIAL}*"):
        for path in sorted(places.home.glob(pattern)):
            if last_used(path) < before:
                yield _plain("what kills left behind", path)


def _logs(places: Places, before: float) -> Iterator[Old]:
    for path in sorted((places.home / "logs").rglob("*")):
        if path.is_file() and path.stat().st_mtime < before:
            yield _plain("logs", path)


def _pictures(project: Project, places: Places, before: float) -> Iterator[Old]:
    """Of corrections that reviewers rejected; what was said and decided stays."""
    corrections = corrections_of(project.name, places)
    for digest, size in corrections.never_wanted(datetime.fromtimestamp(before, UTC)).items():
        remove = partial(_forget_picture, corrections, digest, before)
        yield Old("pictures of rejected corrections", digest[:16], (), remove, size)


def _forget_picture(corrections: Corrections, digest: str, before: float) -> bool:
    """Unless somebody has decided otherwise meanwhile."""
    if digest not in corrections.never_wanted(datetime.fromtimestamp(before, UTC)):
        return False
    corrections.forget(digest)
    return True


def _plain(kind: str, path: Path) -> Old:
    def remove() -> bool:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
        return True

    return Old(kind, path.name, (path,), remove)


def _gc(home: Path, days: float) -> bool:
    remove_deleted(home, days)
    return True
