"""Ways that need a process each (another environment, another framework), measured in turn.

Each process gets ready and waits; then all do a block of work in every round, one at a time, so
that what else the machine does falls on all of them alike. A ratio is that of two blocks of one
round. Beside the time that passed there is the processor's, over all threads: on a busy machine it
says more, but for a way whose threads wait by spinning.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

READY = "ready"
BLOCK_SECONDS = 1.5


@dataclass(frozen=True)
class Way:
    """A process that calls :func:`serve_blocks`.

    Attributes:
        command: what to start.
        env: its whole environment.
    """

    command: list[str]
    env: Mapping[str, str]


def serve_blocks(step: Callable[[], object], images: int, seconds: float = BLOCK_SECONDS) -> None:
    """In the process: do ``step`` for a block at every line of input; answer both rates."""
    step()  # traces and compiles
    step()
    print(READY, flush=True)
    for _ in sys.stdin:
        started, used, done = time.perf_counter(), time.process_time(), 0
        while time.perf_counter() - started < seconds:
            step()
            done += images
        rates = done / (time.perf_counter() - started), done / (time.process_time() - used)
        print(*rates, flush=True)


@dataclass
class Rates:
    """Images of each round, a second and a second of processor time (of one core)."""

    a_second: list[float] = field(default_factory=list)
    a_core_second: list[float] = field(default_factory=list)


def in_rounds(ways: Mapping[str, Way], rounds: int) -> dict[str, Rates]:
    """How fast each way was in every round.

    Raises:
        SystemExit: a process ended; with the last lines that it wrote.
    """
    with ExitStack() as stack:
        started = {name: stack.enter_context(_started(name, way)) for name, way in ways.items()}
        for answer, _ in started.values():
            while answer() != READY:  # a framework's own words
                pass
        found = {name: Rates() for name in ways}
        for _ in range(rounds):
            for name, (answer, ask) in started.items():
                ask()
                second, core_second = map(float, answer().split())
                found[name].a_second.append(second)
                found[name].a_core_second.append(core_second)
    return found


def ratio(of: list[float], to: list[float]) -> str:
    """In words: the median ratio of the rounds, and their least and greatest."""
    ratios = sorted(one / other for one, other in zip(of, to, strict=True))
    return f"{statistics.median(ratios):.2f} times ({ratios[0]:.2f} to {ratios[-1]:.2f})"


@contextmanager
def _started(name: str, way: Way) -> Iterator[tuple[Callable[[], str], Callable[[], None]]]:
    """A process, by what waits for a line of it and what asks it for a block."""
    with tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(
            way.command,
            env=dict(way.env),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
        assert process.stdin is not None and process.stdout is not None
        requests, answers = process.stdin, process.stdout

        def answer() -> str:
            line = answers.readline()
            if not line:
                process.wait()
                errors.seek(0)
                last = "\n".join(errors.read().splitlines()[-5:])
                raise SystemExit(f"{name} ended with status {process.returncode}:\n{last}")
            return line.strip()

        try:
            yield answer, lambda: print(file=requests, flush=True)
        finally:
            process.kill()
            process.wait()
