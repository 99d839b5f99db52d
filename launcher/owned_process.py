"""A program that ends when the process that started it is gone, however that one ended.

A process that is killed with SIGKILL cannot stop its children. So each child watches its owner:

    python -m launcher.owned_process OWNER_PID MODULE ARGUMENTS...

runs MODULE as ``python -m MODULE`` would, and kills its own process group once OWNER_PID is gone.
Start it in a session of its own, so that the group is the program and what it started.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
import threading
import time
from collections.abc import Callable

import psutil

from model_zoo.processor import collect_seldom

POLL_SECONDS = 0.5


def command(module: str, *arguments: str, owner: int | None = None) -> list[str]:
    """The command line that runs ``module`` for as long as ``owner`` (this process) lives."""
    held_by = str(owner or os.getpid())
    return [sys.executable, "-m", "launcher.owned_process", held_by, module, *arguments]


def when_gone(owner: int, then: Callable[[], None]) -> None:
    """Call ``then`` in a background thread once process ``owner`` has ended."""
    try:
        process: psutil.Process | None = psutil.Process(owner)
    except psutil.NoSuchProcess:
        process = None

    def watch() -> None:
        while process is not None and _lives(process):
            time.sleep(POLL_SECONDS)
        then()

    threading.Thread(target=watch, name=f"owner-{owner}", daemon=True).start()


def _lives(process: psutil.Process) -> bool:
    try:
        # A zombie is dead: only its parent has not asked for its exit status yet.
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _kill_own_group() -> None:
    if os.getpgid(0) == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    collect_seldom()
    owner, module = int(sys.argv[1]), sys.argv[2]
    when_gone(owner, _kill_own_group)
    sys.argv = [module, *sys.argv[3:]]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
