"""Write beside, then rename: what lies at a final path is complete, or absent."""

from __future__ import annotations

import errno
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from model_zoo.errors import UserError

PARTIAL = ".partial-"  # what is being written
LEFT_SECONDS = 3600.0  # a partial that old is nobody's any more
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)


@contextmanager
def complete_or_absent(path: Path) -> Iterator[Path]:
    """Yield a temporary path in the same folder; on success it becomes ``path``.

    The temporary file keeps the suffix of ``path``, as some writers go by it.

    Raises:
        UserError: the operating system refused to write (a full disk, no permission).
    """
    partial: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=PARTIAL, suffix=path.suffix, dir=path.parent)
        os.close(handle)
        partial = Path(name)
        yield partial
        partial.chmod(0o644)
        os.replace(partial, path)
    except OSError as error:
        raise cannot_write(path, error) from error
    finally:
        if partial is not None:
            partial.unlink(missing_ok=True)


class CannotWrite(UserError):
    """The operating system refused: a full disk, a quota, no permission."""


def cannot_write(path: object, error: OSError) -> CannotWrite:
    """The sentence for a write that the operating system refused."""
    return CannotWrite(
        f"could not write {path}: {error.strerror or error}. Free space or choose another folder, "
        "then run again"
    )


def remove_leftovers(folder: Path, prefix: str = PARTIAL) -> None:
    """Remove what processes that were killed left right in ``folder``, once it is an hour old."""
    for one in folder.glob(f"{prefix}*"):
        with suppress(FileNotFoundError):  # somebody else was quicker
            if time.time() - one.lstat().st_mtime < LEFT_SECONDS:
                continue
            if one.is_dir() and not one.is_symlink():
                shutil.rmtree(one, ignore_errors=True)
            else:
                one.unlink()


def write_json(path: Path, value: Any) -> None:
    """Write ``value`` as indented JSON, complete or not at all."""
    with complete_or_absent(path) as partial:
        partial.write_text(json.dumps(value, indent=2) + "\n")


def read_json(path: Path) -> Any:
    return json.loads(path.read_text())


def fill_folder(path: Path, fill: Callable[[Path], None]) -> Path:
    """``fill`` a temporary folder that then becomes ``path``; if it is there already, keep it.

    Raises:
        UserError: the operating system refused to make it.
    """
    if path.is_dir():
        return path
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(prefix=PARTIAL, dir=path.parent))
    except OSError as error:
        raise cannot_write(path, error) from error
    try:
        try:
            fill(partial)
        except OSError as error:
            raise cannot_write(path, error) if error.errno in NO_ROOM else error from error
        try:
            partial.rename(path)
        except OSError:
            if not path.is_dir():  # anything but another process having filled it first
                raise
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return path
