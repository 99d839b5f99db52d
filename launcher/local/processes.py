"""Several programs: started together, started again when one ends, stopped together."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import IO

import psutil

from launcher import owned_process
from launcher.local.programs import Program

POLL_SECONDS = 0.2
FAMILY_SECONDS = 5.0
STOP_SECONDS = 8.0
SWEEP_SECONDS = 3.0
LAST_LINES = 5
LOG_BYTES = 5_000_000  # of each of a program's two logs; an idle MLflow writes 9 MB a day


@dataclass(frozen=True)
class Patience:
    """When a program that ends is started again, and when not any more.

    Attributes:
        pauses: seconds before the first, second ... start after ends that follow each other
            quickly; after the last of them everything is given up.
        steady: seconds of life after which an end counts as the first again.
    """

    pauses: tuple[float, ...] = (1, 2, 5, 10, 30, 60, 60)
    steady: float = 120.0


@dataclass
class Supervised:
    """One program, its process, and how often that ended soon after its start."""

    program: Program
    log: RotatingFileHandler
    process: subprocess.Popen[bytes]
    started: float
    fast_ends: int = 0
    again_at: float | None = None  # while it waits for its next start
    last: deque[str] = field(default_factory=lambda: deque(maxlen=LAST_LINES))


class GivenUp(Exception):
    """A program does not stay up, however often it is started."""

    def __init__(self, one: Supervised, status: int, ends: int) -> None:
        super().__init__(
            f"{one.program.name} ended {ends} times soon after its start, the last time with "
            f"status {status}, so everything was stopped. Its log: {one.log.baseFilename}"
        )
        self.last = tuple(one.last)


def run_together(
    programs: list[Program],
    env: dict[str, str],
    logs: Path,
    on_ready: Callable[[], None],
    slow_seconds: float = 180.0,
    patience: Patience | None = None,
) -> int:
    """Run until Ctrl-C or SIGTERM (status 0), or until one program does not stay up (status 1).

    A program that ends is started again after a pause that grows; the others go on. Nothing that
    was started here is left when it returns.

    Args:
        on_ready: called once, when every program is ready.
        slow_seconds: seconds after which a program that is not ready is named.
    """
    logs.mkdir(parents=True, exist_ok=True)
    over = threading.Event()
    watcher = threading.Thread(
        target=_wait_until_ready, args=(programs, logs, on_ready, slow_seconds, over), daemon=True
    )
    family: set[psutil.Process] = set()
    all_of_them: list[Supervised] = []
    with _asked_to_stop() as stop:
        try:
            all_of_them += (_supervised(one, env, logs) for one in programs)
            watcher.start()
            _watch(all_of_them, env, family, stop, patience or Patience())
        except GivenUp as error:
            print(error)
            for line in error.last:
                print(f"  {line}")
            return 1
        finally:
            over.set()
            _stop(all_of_them, family)
    return 0


@contextmanager
def _asked_to_stop() -> Iterator[threading.Event]:
    """An event that Ctrl-C and SIGTERM set."""
    stop = threading.Event()

    def ask(number: int, frame: object) -> None:
        if not stop.is_set():
            print("\nStopping ...", flush=True)
        stop.set()

    before = {one: signal.signal(one, ask) for one in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _supervised(program: Program, env: dict[str, str], logs: Path) -> Supervised:
    path = logs / f"{program.name}.log"
    log = RotatingFileHandler(path, maxBytes=LOG_BYTES, backupCount=1, errors="replace")
    if path.stat().st_size:
        log.doRollover()
    one = Supervised(program, log, _started(program, env), time.monotonic())
    _follow(one)
    return one


def _started(program: Program, env: dict[str, str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        owned_process.command(program.module, *program.arguments),
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,  # Ctrl-C is ours: they end in our order
    )


def _follow(one: Supervised) -> None:
    """Write what the process prints to the program's log, in a thread, until nobody prints."""

    def read(stream: IO[bytes]) -> None:
        for line in stream:
            text = line.decode(errors="replace").rstrip()
            one.log.emit(logging.makeLogRecord({"msg": text}))
            if text:
                one.last.append(text)

    assert one.process.stdout is not None
    threading.Thread(target=read, args=(one.process.stdout,), daemon=True).start()


def _watch(
    all_of_them: list[Supervised],
    env: dict[str, str],
    family: set[psutil.Process],
    stop: threading.Event,
    patience: Patience,
) -> None:
    looked = 0.0
    while not stop.wait(POLL_SECONDS):
        now = time.monotonic()
        for one in all_of_them:
            if one.again_at is None:
                status = one.process.poll()
                if status is not None:
                    one.again_at = now + _pause(one, status, now, patience)
            elif now >= one.again_at:
                one.process, one.started, one.again_at = _started(one.program, env), now, None
                _follow(one)
        if now - looked > FAMILY_SECONDS:  # what a program leaves behind when it ends is ours too
            looked = now
            family |= _families(all_of_them)
            family -= {one for one in family if not one.is_running()}


def _pause(one: Supervised, status: int, now: float, patience: Patience) -> float:
    """Seconds until the program is started again; says that it ended, and why.

    Raises:
        GivenUp: it has ended too often.
    """
    with suppress(ProcessLookupError):  # what it started would hold its port
        os.killpg(one.process.pid, signal.SIGKILL)
    one.fast_ends = 1 if now - one.started > patience.steady else one.fast_ends + 1
    if one.fast_ends > len(patience.pauses):
        raise GivenUp(one, status, one.fast_ends)
    pause = patience.pauses[one.fast_ends - 1]
    time.sleep(POLL_SECONDS)  # its last lines arrive
    why = one.last[-1] if one.last else "it printed nothing"
    print(
        f"{one.program.name} ended with status {status} ({why}): it starts again in {pause:g} s, "
        f"the others go on. Its log: {one.log.baseFilename}",
        flush=True,
    )
    return pause


def _wait_until_ready(
    programs: list[Program],
    logs: Path,
    on_ready: Callable[[], None],
    slow_seconds: float,
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
        if waiting and not named and time.monotonic() - started > slow_seconds:
            named = True
            for program in waiting:
                log = logs / f"{program.name}.log"
                print(f"  {program.name:<14} is not ready after {slow_seconds:.0f} s: see {log}")
        over.wait(0.5)
    if not over.is_set():
        on_ready()


def _families(all_of_them: list[Supervised]) -> set[psutil.Process]:
    """The programs and all that they started, as of now; other children of this process are not
    ours to end."""
    found: set[psutil.Process] = set()
    for one in all_of_them:
        with suppress(psutil.NoSuchProcess):
            program = psutil.Process(one.process.pid)
            found |= {program, *program.children(recursive=True)}
    return found


def _stop(all_of_them: list[Supervised], family: set[psutil.Process]) -> None:
    """Ask each program's group to end, then kill what is left; Airflow's tasks have groups of
    their own."""
    everybody = family | _families(all_of_them)
    for one in all_of_them:
        with suppress(ProcessLookupError):
            os.killpg(one.process.pid, signal.SIGTERM)
    until = time.monotonic() + STOP_SECONDS
    for one in all_of_them:
        with suppress(subprocess.TimeoutExpired):
            one.process.wait(max(0.0, until - time.monotonic()))
    everybody |= _families(all_of_them)
    _, alive = psutil.wait_procs(everybody, timeout=SWEEP_SECONDS)
    for process in alive:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(alive, timeout=SWEEP_SECONDS)
    for one in all_of_them:
        one.log.close()
