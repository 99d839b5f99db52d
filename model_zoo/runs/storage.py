"""A run's folder in storage that every worker reaches, so that any of them can continue it.

Steps know a local folder only. Around each step this module brings the folder up to date from
``CATWALK_STORAGE`` (any location that fsspec knows: s3://, gs://, file://) and sends back what
changed: at the step's end, and every few seconds while it runs, so that a checkpoint or a
finished trial outlives its worker.

What lies in storage is whole or absent: files go to names made of their content, then one manifest,
replaced at once, says which of them the folder consists of. A folder is sent only as it stood still
while it was copied: a state that a kill could have left, which every step can continue from.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import socket
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from model_zoo.errors import UserError
from model_zoo.files import complete_or_absent, fill_folder, read_json
from model_zoo.registry.served_files import sha256
from model_zoo.runs.folder import run_folder
from model_zoo.settings import Places, Project

PUSH_SECONDS = 2.0
MANIFEST = "manifest.json"
# About one worker's try, not the run (Airflow has the log); and what each worker makes for itself.
OWN = ("steps.log", "failure.json", "examples.npz")
PARTIAL = ".partial-"
Stamp = tuple[int, int, int]


class StoredFolder:
    """One local folder (``here``) and its copy in storage."""

    def __init__(self, url: str, name: str, here: Path) -> None:
        self.url = url
        self.fs, root = _file_system(url)
        self.there = f"{root.rstrip('/')}/{name}"
        self.here = here
        self.writer = f"{socket.gethostname()} process {os.getpid()} {secrets.token_hex(4)}"
        self.taken_over: str | None = None  # who wrote last before us
        self.digests: dict[str, str] = {}  # path: digest, as in the manifest
        self.stamps: dict[str, Stamp] = {}  # of the files here that have these digests

    def manifest(self) -> dict[str, Any] | None:
        """What storage says the folder consists of; None when it has nothing."""
        try:
            content = self.fs.cat_file(f"{self.there}/{MANIFEST}")
        except FileNotFoundError:
            return None
        return dict(json.loads(content))

    def read_json(self, path: str) -> Any:
        """One JSON file of the folder as storage has it, or None."""
        digest = (self.manifest() or {"files": {}})["files"].get(path)
        return None if digest is None else json.loads(self.fs.cat_file(self._object(digest)))

    def pull(self) -> None:
        """Make the local folder what storage has; a folder that storage lacks stays as it is."""
        found = self.manifest()
        if found is None:
            return
        self.taken_over, self.digests = found["writer"], found["files"]
        for path, digest in self.digests.items():
            local = self.here / path
            if not local.exists() or sha256(local) != digest:
                with complete_or_absent(local) as partial:
                    self.fs.get_file(self._object(digest), str(partial))
        here = self._listing()
        for path in here.keys() - self.digests.keys():
            (self.here / path).unlink()  # of a try that another worker has overtaken
        self.stamps = {path: here[path] for path in self.digests}

    def claim(self) -> None:
        """Become the one who writes; a worker that was thought dead notices it and stops."""
        self._write_manifest(self.digests)

    def push(self) -> bool:
        """Send what changed; False when a file changed meanwhile: try again later.

        Raises:
            UserError: somebody else has claimed the folder.
        """
        before = self._listing()
        changed = [path for path, stamp in before.items() if self.stamps.get(path) != stamp]
        if not changed and before.keys() == self.digests.keys():
            return True
        with tempfile.TemporaryDirectory(prefix=PARTIAL, dir=self.here.parent) as scratch:
            try:
                copies = {path: self._copy(path, Path(scratch)) for path in changed}
            except FileNotFoundError:
                return False
            if self._listing() != before:
                return False
            digests = {path: digest for path, digest in self.digests.items() if path in before}
            for path, copy in copies.items():
                digests[path] = sha256(copy)
                if digests[path] not in self.digests.values():
                    self.fs.put_file(str(copy), self._object(digests[path]))
        last = self.manifest()
        if last is not None and last["writer"] not in (self.writer, self.taken_over):
            raise UserError(
                f"{self.there} is continued by another worker ({last['writer']}): this one stops"
            )
        self._write_manifest(digests)
        for digest in set(self.digests.values()) - set(digests.values()):
            self.fs.rm_file(self._object(digest))
        self.digests, self.stamps = digests, before
        return True

    def _listing(self) -> dict[str, Stamp]:
        found: dict[str, Stamp] = {}
        for folder, _, names in os.walk(self.here):
            for name in names:
                path = Path(folder, name)
                if name in OWN or name.startswith(PARTIAL):
                    continue
                with suppress(FileNotFoundError):
                    stat = path.stat()
                    stamp = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
                    found[path.relative_to(self.here).as_posix()] = stamp
        return found

    def _copy(self, path: str, scratch: Path) -> Path:
        (scratch / path).parent.mkdir(parents=True, exist_ok=True)
        return Path(shutil.copy2(self.here / path, scratch / path))

    def _object(self, digest: str) -> str:
        return f"{self.there}/files/{digest}"

    def _write_manifest(self, files: dict[str, str]) -> None:
        # Not every file system replaces a file's content at once; each moves a file at once.
        aside = f"{self.there}/{secrets.token_hex(8)}.json"
        self.fs.pipe_file(aside, json.dumps({"writer": self.writer, "files": files}).encode())
        self.fs.mv(aside, f"{self.there}/{MANIFEST}")


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
        UserError: that failed; names the location and the reason.
    """
    try:
        fs, root = _file_system(url)
        probe = f"{root.rstrip('/')}/probe-{secrets.token_hex(8)}"
        fs.pipe_file(probe, b"catwalk")
        fs.rm_file(probe)
    except Exception as error:  # each protocol's library has exceptions of its own
        raise UserError(
            f"storage {url} cannot be written ({' '.join(str(error).split())}): "
            "correct CATWALK_STORAGE, or the credentials and the bucket that it means"
        ) from error


def _file_system(url: str) -> tuple[Any, str]:
    import fsspec

    local = "://" not in url or url.startswith(("file://", "local://"))
    fs, path = fsspec.url_to_fs(url, **({"auto_mkdir": True} if local else {}))
    return fs, str(path)


def _push_regularly(run: StoredFolder, over: threading.Event) -> None:
    while not over.wait(PUSH_SECONDS):
        try:
            run.push()
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
