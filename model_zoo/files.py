"""Write beside, then rename: what lies at a final path is complete, or absent.

Also after a loss of power: a rename may reach the disk before what was written under the other name
does, so the content is sent to the disk first, and the folder that names it after
(https://danluu.com/file-consistency, and ext4's "auto_da_alloc" in the kernel's documentation for
what a file system may do by itself).
"""

from __future__ import annotations

import errno
import json
import os
import secrets
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


#: What file systems answer that cannot send a folder to the disk, as some of a network.
NO_SYNC = (errno.EINVAL, errno.ENOTSUP, errno.EACCES)


@contextmanager
def complete_or_absent(path: Path, *, lasting: bool = True) -> Iterator[Path]:
    """Yield a temporary path in the same folder; on success it becomes ``path``.

    The temporary file keeps the suffix of ``path``, as some writers go by it.

    Args:
        lasting: it outlives a loss of power. What is of this moment alone need not: that costs a
            write of the disk, some milliseconds.

    Raises:
        UserError: the operating system refused to write (a full disk, no permission).
    """
    partial: Path | None = None
    try:
        make_folder(path.parent)
        handle, name = tempfile.mkstemp(prefix=PARTIAL, suffix=path.suffix, dir=path.parent)
        os.close(handle)
        partial = Path(name)
        yield partial
        partial.chmod(0o644)
        if lasting:
            put_in_place(partial, path)
        else:
            os.replace(partial, path)
    except OSError as error:
        raise cannot_write(path, error) from error
    finally:
        if partial is not None:
            partial.unlink(missing_ok=True)


def put_in_place(partial: Path, path: Path) -> None:
    """Let ``partial``, a file or a folder, become ``path`` at once, and outlive a loss of power.

    Raises:
        OSError: the operating system refused; ``path`` is what it was.
    """
    send_to_disk(partial)
    os.replace(partial, path)
    _send_to_disk(path.parent)


def send_to_disk(path: Path) -> None:
    """A file, or a folder with everything in it, lies on the disk when this returns.

    For what others have written; what is written here goes by :func:`put_in_place`.
    """
    for one in [*path.rglob("*"), path] if path.is_dir() else [path]:
        if one.is_dir() or one.is_file():
            _send_to_disk(one)


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, each so that it outlives a loss of power."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    _send_to_disk(folder.parent)


def _send_to_disk(path: Path) -> None:
    """What is written in a file, or what a folder names, lies on the disk when this returns."""
    try:
        handle = os.open(path, os.O_RDONLY)
    except PermissionError:  # a folder above the home that others own
        return
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in NO_SYNC:
            raise
    finally:
        os.close(handle)


def keep_secret(path: Path, make: Callable[[], str]) -> str:
    """The text of a private file (mode 600); made at the first call, by one of several processes.

    Args:
        make: gives the text.
    """
    if not path.exists():
        make_folder(path.parent)
        handle, name = tempfile.mkstemp(prefix=PARTIAL, dir=path.parent)  # mode 600
        with os.fdopen(handle, "w") as file:
            file.write(make())
        _send_to_disk(Path(name))
        try:
            os.link(name, path)  # unlike a rename, this never replaces what another one kept
        except FileExistsError:
            pass
        finally:
            os.unlink(name)
        _send_to_disk(path.parent)
    return path.read_text()


def put_whole(fs: Any, path: str, content: bytes | Path) -> None:
    """Write one file in a place that fsspec knows, whole or not at all.

    Args:
        fs: the file system; ``path`` is the file's in it.
        content: bytes, or a file of this machine.
    """
    if is_local(fs):
        with complete_or_absent(Path(path)) as partial:
            if isinstance(content, Path):
                shutil.copyfile(content, partial)
            else:
                partial.write_bytes(content)
        return
    # Not every file system shows a file only when it is whole; each moves it at once.
    aside = f"{path.rpartition('/')[0]}/.{secrets.token_hex(8)}"
    if isinstance(content, Path):
        fs.put_file(str(content), aside)
    else:
        fs.pipe_file(aside, content)
    fs.mv(aside, path)


def is_local(fs: Any) -> bool:
    """Whether a file system of fsspec is that of this machine."""
    return "file" in ((fs.protocol,) if isinstance(fs.protocol, str) else fs.protocol)


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


def write_json(path: Path, value: Any, *, lasting: bool = True) -> None:
    """Write ``value`` as indented JSON, complete or not at all; see :func:`complete_or_absent`."""
    with complete_or_absent(path, lasting=lasting) as partial:
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
        make_folder(path.parent)
        partial = Path(tempfile.mkdtemp(prefix=PARTIAL, dir=path.parent))
    except OSError as error:
        raise cannot_write(path, error) from error
    try:
        try:
            fill(partial)
        except OSError as error:
            raise cannot_write(path, error) if error.errno in NO_ROOM else error from error
        try:
            put_in_place(partial, path)
        except OSError as error:
            if not path.is_dir():  # anything but another process having filled it first
                raise cannot_write(path, error) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return path
