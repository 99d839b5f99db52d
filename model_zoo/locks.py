"""Locks between processes on one machine; the system lets go of them when a process dies."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from model_zoo.files import cannot_write


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock file ``path``; waits for whoever holds it now.

    Raises:
        UserError: the file cannot be written.
    """
    lock = _acquired(path, blocking=True)
    assert lock is not None
    try:
        yield
    finally:
        lock.release()


@contextmanager
def try_locked(path: Path) -> Iterator[bool]:
    """As :func:`locked`, without waiting: yields whether the lock could be had."""
    lock = _acquired(path, blocking=False)
    try:
        yield lock is not None
    finally:
        if lock is not None:
            lock.release()


def _acquired(path: Path, *, blocking: bool) -> FileLock | None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path)
        lock.acquire(blocking=blocking)
    except Timeout:
        return None
    except OSError as error:
        raise cannot_write(path, error) from error
    return lock
