"""Every file below a folder or a URL: name, size, and a mark that changes when its content does.

Only names and marks are looked at, so a hundred thousand files take seconds.
"""

from __future__ import annotations

import os
import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from model_zoo.errors import Unavailable, UserError
from model_zoo.failures import is_away

IMAGE_SUFFIXES = frozenset(
    (".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".gif", ".bmp", ".avif", ".heic", ".heif")
)
TABLE_SUFFIXES = frozenset((".csv", ".jsonl", ".parquet"))
SYSTEM = frozenset(("__macosx", "thumbs.db", "desktop.ini"))
URL = "://"


@dataclass(frozen=True)
class File:
    """``path`` below the root, with /; ``mark`` is a time or an object's tag."""

    path: str
    size: int
    mark: str

    @property
    def stamp(self) -> str:
        """Another one when the file is."""
        return f"{self.size} {self.mark}"


@dataclass
class Listing:
    """What lies below ``root``.

    Attributes:
        images: by their suffix, whatever its case.
        tables: metadata files and the like.
        folders: those that hold no file at all are among them; unknown at a URL of objects.
        system: hidden files and what operating systems leave.
        others: files that are neither, by suffix.
        dangling: links to nothing, links that lead round in a circle, what vanished meanwhile.
    """

    root: str
    images: list[File] = field(default_factory=list)
    tables: list[File] = field(default_factory=list)
    folders: set[str] = field(default_factory=set)
    system: int = 0
    others: Counter[str] = field(default_factory=Counter)
    dangling: list[str] = field(default_factory=list)

    def add(self, file: File) -> None:
        """Take note of one file."""
        parts = file.path.split("/")
        suffix = os.path.splitext(parts[-1])[1].lower()
        if any(one.startswith(".") or one.lower() in SYSTEM for one in parts):
            self.system += 1
        elif suffix in IMAGE_SUFFIXES:
            self.images.append(file)
        elif suffix in TABLE_SUFFIXES:
            self.tables.append(file)
        else:
            self.others[suffix or "no suffix"] += 1


def list_files(root: str) -> Listing:
    """Every file below a folder on this machine, or a location as fsspec spells it.

    Raises:
        UserError: no such folder, or it cannot be read.
    """
    found = Listing(root)
    if URL in root:
        for file in _at_a_url(root):
            found.add(file)
    else:
        if not Path(root).is_dir():
            raise UserError(f"{root}: expected a folder of images or a table. There is none")
        _walk(Path(root), "", (), found)
    found.images.sort(key=lambda one: one.path)
    return found


def _walk(folder: Path, prefix: str, above: tuple[tuple[int, int], ...], found: Listing) -> None:
    try:
        status = folder.stat()
        entries = sorted(os.scandir(folder), key=lambda one: one.name)
    except OSError as error:
        if prefix and isinstance(error, FileNotFoundError):  # while the folder above was listed
            found.dangling.append(prefix.rstrip("/"))
            return
        raise UserError(
            f"{folder} cannot be read ({error.strerror}): give this user the right to, or move it "
            "away"
        ) from None
    here = (status.st_dev, status.st_ino)
    if here in above:  # a link to a folder above itself
        found.dangling.append(prefix.rstrip("/"))
        return
    for entry in entries:
        path = f"{prefix}{entry.name}"
        try:
            if entry.is_dir():
                hidden = entry.name.startswith(".") or entry.name.lower() in SYSTEM
                if hidden:
                    found.system += 1
                    continue
                found.folders.add(path)
                _walk(Path(entry.path), f"{path}/", (*above, here), found)
            else:
                status = entry.stat()
                found.add(File(path, status.st_size, str(status.st_mtime_ns)))
        except FileNotFoundError:
            found.dangling.append(path)


def _at_a_url(url: str) -> Iterator[File]:
    fs, root = open_url(url)
    try:
        fs.info(root)  # not `exists`, which says no where rights are missing, too
        listed = fs.find(root, detail=True)
    except FileNotFoundError:
        raise UserError(f"{url}: expected a folder of images or a table. There is none") from None
    except Exception as error:  # each protocol's library has exceptions of its own
        raise cannot_read(url, error) from error
    root = root.rstrip("/")
    for path, about in listed.items():
        below = path[len(root) :].lstrip("/") if path.startswith(root) else path
        yield File(below, int(about.get("size") or 0), _mark(about))


def _mark(about: dict[str, Any]) -> str:
    for name in ("ETag", "etag", "md5Hash", "mtime", "LastModified", "last_modified", "updated"):
        if about.get(name):
            return str(about[name])
    return ""


def open_url(url: str) -> tuple[Any, str]:
    """The fsspec file system of a location, and the path in it.

    Raises:
        UserError: nothing installed knows the protocol.
    """
    import fsspec

    try:
        fs, path = fsspec.url_to_fs(url)
    except Exception as error:
        raise cannot_read(url, error) from error
    return fs, str(path)


def cannot_read(url: str, error: Exception) -> UserError:
    """The sentence for a location that gives nothing away."""
    reason = " ".join(str(error).split()) or type(error).__name__
    if is_away(error):
        return Unavailable(f"{url} does not answer ({reason}): try again")
    return UserError(
        f"{url} cannot be read ({reason}): correct data.images, or the rights and credentials that "
        "it takes"
    )


def plain(name: str) -> str:
    """A name as all systems write it: some take accents apart."""
    return unicodedata.normalize("NFC", name)
