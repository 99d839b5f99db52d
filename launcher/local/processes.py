"""Several programs under honcho: started together, stopped together, with a log file each."""

from __future__ import annotations

import re
import shlex
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
from honcho.manager import Manager
from honcho.printer import Message, Printer

from launcher import owned_process
from launcher.local.programs import Program

STOPPED = re.compile(r"^(\S+) stopped \(rc=(-?\d+)\)")
SWEEP_SECONDS = 3.0
LAST_LINES = 5


class Notes(Printer):  # type: ignore[misc]
    """Takes honcho's own messages; the programs' output goes to their log files."""

    def __init__(self) -> None:
        super().__init__()
        self.ended: list[tuple[str, int]] = []  # names and statuses, in the order of their ends
        self.asked_to_stop = False

    def write(self, message: Message) -> None:
        text = message.data if isinstance(message.data, str) else message.data.decode()
        if found := STOPPED.match(text):
            self.ended.append((found[1], int(found[2])))
        elif text.startswith(("SIGINT", "SIGTERM")):
            self.asked_to_stop = True
            print("\nStopping ...", flush=True)


class Together(Manager):  # type: ignore[misc]
    """honcho's manager that also remembers what the programs have started themselves.

    honcho ends each program's process group. Airflow's tasks have groups of their own.
    """

    def __init__(self, printer: Printer) -> None:
        super().__init__(printer)
        self.family: list[psutil.Process] = []

    def terminate(self) -> None:
        self.family += psutil.Process().children(recursive=True)
        super().terminate()


def run_together(
    programs: list[Program],
    env: dict[str, str],
    logs: Path,
    on_ready: Callable[[], None],
    patience: float = 180.0,
) -> int:
    """Run until Ctrl-C or SIGTERM (status 0), or until one program ends by itself (status 1).

    Nothing that was started here is left when it returns.

    Args:
        on_ready: called once, when every program is ready.
        patience: seconds after which a program that is not ready is named.
    """
    logs.mkdir(parents=True, exist_ok=True)
    notes = Notes()
    manager = Together(notes)
    for program in programs:
        log = logs / f"{program.name}.log"
        if log.exists():
            log.replace(log.with_suffix(".log.1"))
        line = shlex.join(owned_process.command(program.module, *program.arguments))
        manager.add_process(program.name, f"exec {line} > {shlex.quote(str(log))} 2>&1", env=env)
    over = threading.Event()
    watcher = threading.Thread(
        target=_wait_until_ready, args=(programs, logs, on_ready, patience, over), daemon=True
    )
    watcher.start()
    try:
        manager.loop()
    finally:
        over.set()
        _sweep(manager)
    if notes.asked_to_stop:
        return 0
    name, status = notes.ended[0]
    log = logs / f"{name}.log"
    print(f"{name} ended with status {status}, so everything was stopped. Its log: {log}")
    for line in log.read_text(errors="replace").splitlines()[-LAST_LINES:]:
        print(f"  {line}")
    return 1


def _wait_until_ready(
    programs: list[Program],
    logs: Path,
    on_ready: Callable[[], None],
    patience: float,
    over: threading.Event,
) -> None:
    started = time.monotonic()
    waiting = list(programs)
    named = False
    while waiting and not over.is_set():
        for program in tuple(waiting):
            if program.ready():
                waiting.remove(program)
                print(f"  {program.name:<14} ready after {time.monotonic() - started:3.0f} s")
        if waiting and not named and time.monotonic() - started > patience:
            named = True
            for program in waiting:
                log = logs / f"{program.name}.log"
                print(f"  {program.name:<14} is not ready after {patience:.0f} s: see {log}")
        over.wait(0.5)
    if not over.is_set():
        on_ready()


def _sweep(manager: Together) -> None:
    """Kill what outlived its program."""
    family: list[Any] = [*manager.family, *psutil.Process().children(recursive=True)]
    _, alive = psutil.wait_procs(family, timeout=SWEEP_SECONDS)
    for process in alive:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue
    psutil.wait_procs(alive, timeout=SWEEP_SECONDS)
