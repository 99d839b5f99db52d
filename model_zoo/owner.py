"""A process that works for another one ends when that one does."""

from __future__ import annotations

import multiprocessing
import os
import threading
from multiprocessing.connection import wait


def end_with_owner() -> None:
    """Have this process end when the one that started it does, however that one ends."""
    owner = multiprocessing.parent_process()
    assert owner is not None
    sentinel = owner.sentinel

    def watch() -> None:
        wait([sentinel])
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
