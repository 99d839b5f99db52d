"""A local folder and its copy in storage.

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
from contextlib import suppress
from pathlib import Path
from typing import Any

from model_zoo.errors import UserError
from model_zoo.files import complete_or_absent, is_local, put_whole
from model_zoo.registry.served_files import sha256

MANIFEST = "manifest.json"
# About one worker's try, not the run (Airflow has the log); and what each worker makes for itself.
OWN = ("steps.log", "failure.json", "examples.npz")
PARTIAL = ".partial-"
NOT_SENT = (PARTIAL, "share-", "search_share.")  # each share of a search sends its own folder
ABSENT = ""
#: Codes of S3's errors: the condition of a put did not hold; it knows no conditions.
CHANGED_MEANWHILE = ("PreconditionFailed", "ConditionalRequestConflict", "412", "409")
UNCONDITIONAL = ("NotImplemented", "501")
Stamp = tuple[int, int, int]


class StoredFolder:
    """One local folder (``here``) and its copy in storage."""

    def __init__(self, url: str, name: str, here: Path) -> None:
        self.url = url
        self.fs, root = file_system(url)
        self.is_s3 = url.startswith(("s3://", "s3a://"))
        self._seen_state: str | None = ABSENT  # of the manifest that was read or written last
        self.there = f"{root.rstrip('/')}/{name}"
        self.here = here
        self.writer = f"{socket.gethostname()} process {os.getpid()} {secrets.token_hex(4)}"
        self.taken_over: str | None = None  # who wrote last before us
        self.digests: dict[str, str] = {}  # path: digest, as in the manifest
        self.stamps: dict[str, Stamp] = {}  # of the files here that have these digests

    def manifest(self) -> dict[str, Any] | None:
        """What storage says the folder consists of; None when it has nothing."""
        path = f"{self.there}/{MANIFEST}"
        try:
            state = self._state(path)  # before the content: what comes between is noticed
            content = self.fs.cat_file(path)
        except FileNotFoundError:
            self._seen_state = ABSENT
            return None
        self._seen_state = state
        return dict(json.loads(content))

    def _state(self, path: str) -> str | None:
        """What names a file's content where a store can replace it by that; None where not."""
        if not self.is_s3:
            return None
        self.fs.invalidate_cache(self.there)
        return str(self.fs.info(path)["ETag"])

    def read_json(self, path: str) -> Any:
        """One JSON file of the folder as storage has it, or None."""
        return self.json_of(self.manifest() or {"files": {}}, path)

    def json_of(self, manifest: dict[str, Any], path: str) -> Any:
        """As :meth:`read_json`, of a manifest that was read before."""
        digest = manifest["files"].get(path)
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
        # What is more here is of a try that another worker has overtaken; but where storage
        # knows of no file at all, nobody has overtaken anything.
        for path in here.keys() - self.digests.keys() if self.digests else ():
            (self.here / path).unlink()
        self.stamps = {path: here[path] for path in self.digests}

    def claim(self) -> None:
        """Become the one who writes; a worker that was thought dead notices it and stops.

        Where storage has nothing yet, the first push does this: a manifest never says that a
        folder is empty which is not.
        """
        if self.taken_over is None:
            self.push()
            return
        while not self._write_manifest(self.digests):  # who wrote until now has just done so
            self.pull()

    def push(self) -> bool:
        """Send what changed; False when a file, or storage, changed meanwhile: try again later.

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
                    self._put(copy, self._object(digests[path]))
        last = self.manifest()
        if last is not None and last["writer"] not in (self.writer, self.taken_over):
            raise UserError(
                f"{self.there} is continued by another worker ({last['writer']}): this one stops"
            )
        if not self._write_manifest(digests):
            return False  # somebody wrote since we looked: the next try sees who
        for digest in set(self.digests.values()) - set(digests.values()):
            self.fs.rm_file(self._object(digest))
        self.digests, self.stamps = digests, before
        return True

    def _listing(self) -> dict[str, Stamp]:
        found: dict[str, Stamp] = {}
        for folder, below, names in os.walk(self.here):
            below[:] = [name for name in below if not name.startswith(NOT_SENT)]
            for name in names:
                path = Path(folder, name)
                if name in OWN or name.startswith(NOT_SENT):
                    continue
                with suppress(FileNotFoundError):
                    stat = path.stat()
                    stamp = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
                    found[path.relative_to(self.here).as_posix()] = stamp
        return found

    def _copy(self, path: str, scratch: Path) -> Path:
        (scratch / path).parent.mkdir(parents=True, exist_ok=True)
        return Path(shutil.copy2(self.here / path, scratch / path))

    def _put(self, copy: Path, path: str) -> None:
        """A file under the name of its content, which no manifest says before it is whole."""
        if is_local(self.fs):  # and not before it lies on the disk
            put_whole(self.fs, path, copy)
        else:
            self.fs.put_file(str(copy), path)

    def _object(self, digest: str) -> str:
        return f"{self.there}/files/{digest}"

    def _write_manifest(self, files: dict[str, str]) -> bool:
        """Replace it; False where storage can tell that somebody did so since it was read last."""
        path = f"{self.there}/{MANIFEST}"
        content = json.dumps({"writer": self.writer, "files": files}).encode()
        if self.is_s3:
            return self._put_if_unchanged(path, content)
        put_whole(self.fs, path, content)
        return True

    def _put_if_unchanged(self, path: str, content: bytes) -> bool:
        """A conditional put, which S3 has since 2024 (docs: "conditional writes").

        A store that does not know it says so, and the file is replaced without.
        """
        condition = (
            {"IfNoneMatch": "*"} if self._seen_state == ABSENT else {"IfMatch": self._seen_state}
        )
        try:
            self._seen_state = _etag(self.fs.pipe_file(path, content, **condition))
        except OSError as error:
            code = _code_of(error)
            if code in CHANGED_MEANWHILE:
                return False
            if code not in UNCONDITIONAL:
                raise
            self._seen_state = _etag(self.fs.pipe_file(path, content))
        return True


def _code_of(error: OSError) -> str:
    """What S3 calls the error."""
    if isinstance(error, FileExistsError):
        return CHANGED_MEANWHILE[0]
    answer = getattr(error.__cause__, "response", None) or {}
    return str(answer.get("Error", {}).get("Code", ""))


def _etag(answer: Any) -> str | None:
    return answer.get("ETag") if isinstance(answer, dict) else None


def file_system(url: str) -> tuple[Any, str]:
    """The file system of a location, and the path in it."""
    import fsspec

    local = "://" not in url or url.startswith(("file://", "local://"))
    fs, path = fsspec.url_to_fs(url, **({"auto_mkdir": True} if local else {}))
    return fs, str(path)
