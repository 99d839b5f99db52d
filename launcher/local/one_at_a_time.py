"""Only one `catwalk up` or `catwalk demo` uses a home: two schedulers would run a task twice."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from model_zoo.errors import UserError
from model_zoo.locks import try_locked


@contextmanager
def one_at_a_time(home: Path, name: str) -> Iterator[None]:
    """Hold the home for as long as the block runs; the system frees it if we are killed.

    Raises:
        UserError: another process holds it; says which.
    """
    holder = home / "in-use.txt"
    with try_locked(home / "in-use.lock") as ours:
        if not ours:
            who = holder.read_text().strip() if holder.exists() else ""
            raise UserError(
                f"{who or 'another process'} uses {home}: stop it first, or set CATWALK_HOME to "
                "another folder"
            )
        holder.write_text(f"`catwalk {name}` (process {os.getpid()})")
        yield
