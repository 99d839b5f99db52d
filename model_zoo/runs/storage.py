"""A run's folder in storage that every worker reaches, so that any of them can continue it.

Steps know a local folder only. Around each step this module brings the folder up to date from
``CATWALK_STORAGE`` (any location that fsspec knows: s3://, gs://, file://) and sends back what
changed: at the step's end, and every few seconds while it runs, so that a checkpoint or a
finished trial outlives its worker.
"""

from __future__ import annotations

import os
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from model_zoo.errors import Unavailable, UserError
from model_zoo.failures import is_away
from model_zoo.files import CannotWrite, fill_folder, read_json
from model_zoo.runs.folder import run_folder
from model_zoo.runs.stored_folder import StoredFolder, file_system
from model_zoo.settings import Places, Project

PUSH_SECONDS = 2.0


@contextmanager
def shared(places: Places, folder: Path, share: int | None = None) -> Iterator[None]:
    """Run the block, a step, on the run's newest state, and keep storage up to date with it.

    Args:
        share: the block is this share of a search: it reads the run as it is, and sends its own
            folder alone. Without, the folders of all shares are brought here.

    Raises:
        UserError: storage cannot be written, or the dataset cannot be put where it was ingested.
    """
    if not places.storage:
        yield
        return
    check_writable(places.storage)
    run = StoredFolder(places.storage, f"runs/{folder.name}", folder)
    run.pull()
    _fetch_dataset(places, folder)
    if share is not None:
        kept = _share(places, folder, share)
        kept.pull()
    else:
        kept = run
        for number in _shares_of(run):
            _share(places, folder, number).pull()
    kept.claim()
    with _pushed_regularly(kept):
        yield
    _send_dataset(places, folder)


@contextmanager
def _pushed_regularly(kept: StoredFolder) -> Iterator[None]:
    """Send what changed every few seconds, and at the end all of it."""
    over = threading.Event()
    watcher = threading.Thread(target=_push_regularly, args=(kept, over), daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()
    while not kept.push():
        over.wait(PUSH_SECONDS)


def _share(places: Places, folder: Path, number: int) -> StoredFolder:
    here = folder / "tuning" / f"share-{number}"
    here.mkdir(parents=True, exist_ok=True)
    return StoredFolder(places.storage, f"shares/{folder.name}/{number}", here)


def _shares_of(run: StoredFolder) -> list[int]:
    """Numbers of the shares of a run's search that have left something."""
    root = run.there.replace("/runs/", "/shares/")
    try:
        found = run.fs.ls(root, detail=False)
    except FileNotFoundError:
        return []
    return sorted(int(path.rstrip("/").rpartition("/")[2]) for path in found)


def facts(project: Project, places: Places, run_name: str, step: str) -> dict[str, Any] | None:
    """The facts of a step that was done before, here or on another worker; None if it was not."""
    folder, name = run_folder(places, project.name, run_name), f"{step}.json"
    if places.storage:
        check_writable(places.storage)
        found = StoredFolder(places.storage, f"runs/{folder.name}", folder).read_json(name)
    else:
        found = read_json(folder / name) if (folder / name).exists() else None
    return None if found is None else dict(found)


def check_writable(url: str) -> None:
    """Write a few bytes to storage and delete them.

    Raises:
        Unavailable: it does not answer.
        UserError: that failed otherwise; names the location and the reason.
    """
    with reached(url, "written"):
        fs, root = file_system(url)
        probe = f"{root.rstrip('/')}/probe-{secrets.token_hex(8)}"
        fs.pipe_file(probe, b"catwalk")
        fs.rm_file(probe)


@contextmanager
def reached(url: str, how: str = "used") -> Iterator[None]:
    """Turn what goes wrong with storage in the block into one sentence.

    Args:
        how: what cannot be done with it, as a participle.

    Raises:
        Unavailable: it does not answer.
        UserError: that failed otherwise; names the location and the reason.
    """
    try:
        yield
    except UserError:
        raise
    except Exception as error:  # each protocol's library has exceptions of its own
        reason = " ".join(str(error).split())
        if is_away(error):
            raise Unavailable(f"storage {url} does not answer ({reason}): try again") from error
        raise UserError(
            f"storage {url} cannot be {how} ({reason}): "
            "correct CATWALK_STORAGE, or the credentials and the bucket that it means"
        ) from error


def _push_regularly(run: StoredFolder, over: threading.Event) -> None:
    while not over.wait(PUSH_SECONDS):
        try:
            run.push()
        except CannotWrite as error:  # a disk that is full may have room at the step's end
            print(f"{error}; trying again", flush=True)
        except UserError as error:
            print(error, flush=True)
            os._exit(2)  # the step itself runs in the main thread; any moment is good for a kill
        except Exception as error:  # the step goes on; its end is not reported before a push
            print(f"storage {run.url}: {error}; trying again", flush=True)


def _dataset(places: Places, folder: Path) -> StoredFolder | None:
    if not (folder / "ingest.json").exists():
        return None
    snapshot = read_json(folder / "ingest.json")["dataset"]
    here = places.datasets_dir / snapshot
    return StoredFolder(places.storage, f"datasets/{snapshot}", here)


def _fetch_dataset(places: Places, folder: Path) -> None:
    dataset = _dataset(places, folder)
    if dataset is None or dataset.here.is_dir():
        return
    path = dataset.here

    def fill(partial: Path) -> None:
        dataset.here = partial
        dataset.pull()

    fill_folder(path, fill)


def _send_dataset(places: Places, folder: Path) -> None:
    dataset = _dataset(places, folder)
    if dataset is not None and dataset.manifest() is None:
        dataset.push()
