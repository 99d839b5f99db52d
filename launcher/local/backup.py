"""What a home cannot make again, in one file; taken while things run, put back anywhere."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import sqlite3
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import IO

from model_zoo.errors import UserError
from model_zoo.files import PARTIAL, complete_or_absent, put_in_place
from model_zoo.locks import try_locked
from model_zoo.settings import Places

MANIFEST = "catwalk-backup.json"
PROJECTS = "projects"
#: Made again when it is needed, or about this moment and machine.
LEFT_OUT = ("cache", "locks", "logs", "progress", "in-use.txt", "batch", "exports")
NOT_KEPT = (".lock", "-journal", "-wal", "-shm", ".partial")
RUNS = "runs"


def copy_database(source: Path, target: Path) -> None:
    """A SQLite database as it stands at one moment, though others write to it.

    By SQLite's own backup (https://www.sqlite.org/backup.html): a copy of the file could be torn.

    Raises:
        UserError: it is no database, or damaged.
    """
    try:
        with closing(sqlite3.connect(source, 60)) as old, closing(sqlite3.connect(target)) as new:
            old.backup(new)
    except sqlite3.Error as error:
        raise UserError(f"{source} cannot be copied ({error}): nothing was written") from None


def back_up(places: Places, file: Path, say: Callable[[str], None]) -> None:
    """Write everything that cannot be made again to ``file``, complete or not at all.

    Databases come first: what they name was on the disk before them and is copied after them. A run
    that somebody works in is left out, as its files are of several moments.

    Raises:
        UserError: there is nothing to back up, the file is there, or there is no room.
    """
    if not (places.home / "mlflow.db").exists():
        raise UserError(f"{places.home} has no mlflow.db: there is nothing to back up")
    if file.exists():
        raise UserError(f"{file} is there already: a backup replaces nothing, name another file")
    digests: dict[str, str] = {}
    with (
        complete_or_absent(file) as partial,
        tempfile.TemporaryDirectory(prefix=PARTIAL, dir=file.parent) as scratch,
        _archive(partial, file.suffix in (".gz", ".tgz")) as archive,
    ):
        for database in sorted((*places.home.glob("*.db"), *places.home.glob("airflow/*.db"))):
            copy = Path(scratch) / database.name
            copy_database(database, copy)
            _add(archive, copy, database.relative_to(places.home).as_posix(), digests)
            copy.unlink()
        for path in _kept(places, say):
            _add(archive, path, path.relative_to(places.home).as_posix(), digests)
        for path in sorted(places.projects_dir.rglob("*.toml")):
            name = f"{PROJECTS}/{path.relative_to(places.projects_dir).as_posix()}"
            _add(archive, path, name, digests)
        content = json.dumps({"home": str(places.home), "sha256": digests}, indent=1).encode()
        about = tarfile.TarInfo(MANIFEST)
        about.size = len(content)
        archive.addfile(about, io.BytesIO(content))
    say(f"{len(digests)} files of {places.home} are in {file}")


def _archive(path: Path, packed: bool) -> tarfile.TarFile:
    return tarfile.open(path, "w:gz", compresslevel=1) if packed else tarfile.open(path, "w")


def restore(places: Places, file: Path, say: Callable[[str], None]) -> None:
    """Make the home what ``file`` holds; it must not be there yet, and is whole or absent after.

    Raises:
        UserError: the home has something in it, or the file is no whole backup.
    """
    home = places.home
    if home.exists() and any(home.iterdir()):
        raise UserError(
            f"{home} is not empty: a backup replaces nothing. Move it away, or set CATWALK_HOME to "
            "another folder"
        )
    home.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=PARTIAL, dir=home.parent))
    try:
        try:
            with tarfile.open(file) as archive:
                archive.extractall(partial, filter="data")
            digests = json.loads((partial / MANIFEST).read_text())["sha256"]
        except FileNotFoundError as error:
            if not file.exists():
                raise UserError(
                    f"{file} does not exist: expected a file of `catwalk backup`"
                ) from None
            raise UserError(_cut_short(file)) from error
        except (tarfile.TarError, OSError, EOFError, ValueError, KeyError) as error:
            raise UserError(_cut_short(file)) from error
        for name, digest in digests.items():
            path = partial / name
            if not path.is_file() or _sha256(path) != digest:
                raise UserError(f"{_cut_short(file)} ({name})")
        (partial / MANIFEST).unlink()
        if home.exists():
            home.rmdir()
        put_in_place(partial, home)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    say(f"{len(digests)} files are in {home}")
    if (home / PROJECTS).exists():
        say(f"The project files are in {home / PROJECTS}: set CATWALK_PROJECTS_DIR to use them")


def _cut_short(file: Path) -> str:
    return f"{file} is no whole backup: take another one, nothing was restored"


def _kept(places: Places, say: Callable[[str], None]) -> Iterator[Path]:
    """Files of the home but its databases, caches and runs under way."""
    for top in sorted(places.home.iterdir()):
        if top.name in LEFT_OUT or top.name.startswith(PARTIAL):
            continue
        if top.name == RUNS:
            for folder in sorted(top.glob("*/")):
                with try_locked(places.home / "locks" / f"{folder.name}.lock") as ours:
                    if ours:
                        yield from _files(folder)
                    else:
                        say(f"run {folder.name} is under way and is not in the backup")
        else:
            yield from _files(top)


def _files(path: Path) -> Iterator[Path]:
    for one in [path] if path.is_file() else sorted(path.rglob("*")):
        passing = one.name.endswith(NOT_KEPT) or one.name.startswith(PARTIAL)
        if one.is_file() and one.suffix != ".db" and not passing:
            yield one


def _add(archive: tarfile.TarFile, path: Path, name: str, digests: dict[str, str]) -> None:
    """One file, as it was when it was opened; one that has gone meanwhile is left out."""
    try:
        file: IO[bytes] = path.open("rb")
    except FileNotFoundError:
        return
    with file:
        about = archive.gettarinfo(arcname=name, fileobj=file)
        about.type, about.linkname = tarfile.REGTYPE, ""  # names of one file are files here
        about.size = os.fstat(file.fileno()).st_size
        read = _Counted(file)
        archive.addfile(about, read)  # type: ignore[arg-type]
        digests[name] = read.value.hexdigest()


class _Counted:
    """A file whose digest is known when it has been read."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file, self.value = file, hashlib.sha256()

    def read(self, count: int = -1) -> bytes:
        content = self.file.read(count)
        self.value.update(content)
        return content


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
