"""Only one `catwalk up` or `catwalk demo` uses a home: two schedulers would run a task twice."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager

from model_zoo.config import Settings
from model_zoo.errors import UserError


@contextmanager
def one_at_a_time(settings: Settings, name: str) -> Iterator[None]:
    """Hold the home for as long as the block runs; the system frees it if we are killed.

    Raises:
        UserError: another process holds it; says which.
    """
    settings.home_dir.mkdir(parents=True, exist_ok=True)
    with (settings.home_dir / "in-use.lock").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise UserError(
                f"{file.read().strip() or 'another process'} uses {settings.home_dir}: stop it "
                "first, or set CATWALK_HOME to another folder"
            ) from None
        file.truncate(0)
        file.write(f"`catwalk {name}` (process {os.getpid()})")
        file.flush()
        yield
