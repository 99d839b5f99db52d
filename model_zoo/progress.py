"""How far long work is: measured where it is done, left in a small file for whoever draws it.

A step says sentences. Between two of them a person wants to know what it works on, how fast, and
for how much longer; that are its *parts*, one inside the other. Each process leaves its own in one
file, replaced at once, so that a watcher in another process can tell them even while a converter in
C++ lets no Python run here. Who only wants sentences passes any function where a reporter may
stand: ``part(print, ...)`` measures and tells nobody.
"""

from __future__ import annotations

import json
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from model_zoo.errors import UserError
from model_zoo.files import write_json

Say = Callable[[str], None]
Clock = Callable[[], float]
MAIN = "main"  # the file of the process that a step begins in
NOTED_SECONDS = 0.5  # a file is replaced no more often
WINDOW_SECONDS = 120.0  # a rate looks back so far: other work comes to a machine, and goes


@dataclass
class Part:
    """Some long piece of work. Times are of the monotonic clock, which processes share.

    Attributes:
        what: in a person's words.
        unit: what ``done`` and ``total`` count; bytes are shown as MB.
        total: 0 where nobody can know.
        ends_step: whether little comes after it in its step, which then lasts as long as it does.
        now: which piece of it is at work, as "epoch 2 of 4".
        best: what was reached so far, as "91.20%".
        first: how much of it was done before it began, by an earlier try.
        rate: units a second, over the last two minutes; 0 while it is not known.
        began: when the part began.
        noted: its last sign of life.
    """

    what: str
    unit: str = ""
    total: float = 0.0
    ends_step: bool = False
    now: str = ""
    best: str = ""
    first: float = 0.0
    done: float = 0.0
    rate: float = 0.0
    began: float = 0.0
    noted: float = 0.0

    @property
    def fraction(self) -> float:
        """What part of it is done, 0..1."""
        return min(1.0, self.done / self.total) if self.total else 0.0

    @property
    def left(self) -> float | None:
        """Seconds to its end by the rate of late; None where that is not known."""
        if not (self.total and self.rate):
            return None
        return max(0.0, self.total - self.done) / self.rate


@dataclass(frozen=True)
class Report:
    """What one process works on: its parts, from the whole to the piece."""

    process: str
    parts: tuple[Part, ...]


class Work:
    """A part under way: takes what was done, from any thread."""

    def __init__(self, part: Part, reporter: Reporter) -> None:
        self.part, self._reporter = part, reporter
        self._lock = threading.Lock()
        self._seen: deque[tuple[float, float]] = deque()  # (when, how much was done)

    def advance(self, count: float = 1) -> None:
        """So many units more are done; 0 is a sign of life."""
        self.reach(self.part.done + count)

    def reach(self, done: float) -> None:
        """So many units are done in all."""
        part, now = self.part, self._reporter.clock()
        with self._lock:
            part.done = min(done, part.total) if part.total else done
            part.noted = now
            # From the first unit on: before it a framework traces and compiles.
            if not self._seen or now - self._seen[-1][0] >= NOTED_SECONDS:
                self._seen.append((now, part.done))
            while len(self._seen) > 2 and now - self._seen[1][0] > WINDOW_SECONDS:
                self._seen.popleft()
            then, had = self._seen[0]
            if now > then:
                part.rate = (part.done - had) / (now - then)
        self._reporter.note()

    def tell(self, now: str | None = None, best: str | None = None) -> None:
        """Which piece is at work, and what was reached."""
        if now is not None:
            self.part.now = now
        if best is not None:
            self.part.best = best
        self.part.noted = self._reporter.clock()
        self._reporter.note()


class Reporter:
    """Says sentences, and keeps what this process works on in a file. Telling never fails."""

    def __init__(
        self, say: Say = print, file: Path | None = None, clock: Clock = time.monotonic
    ) -> None:
        """
        Args:
            file: None: nobody watches.
        """
        self._say, self.file, self.clock = say, file, clock
        self._parts: list[Part] = []
        self._lock = threading.Lock()
        self._noted: float | None = None

    def __call__(self, sentence: str) -> None:
        self._say(sentence)

    @contextmanager
    def part(self, part: Part) -> Iterator[Work]:
        """The block works on ``part``, a piece of what was begun before it."""
        part.began = part.noted = self.clock()
        with self._lock:
            self._parts.append(part)
        self.note(at_once=True)
        try:
            yield Work(part, self)
        finally:
            with self._lock:
                self._parts.remove(part)
            self.note(at_once=True)

    def note(self, at_once: bool = False) -> None:
        """Bring the file up to date, unless that was done a moment ago."""
        if self.file is None:
            return
        with self._lock:
            now = self.clock()
            if not at_once and self._noted is not None and now - self._noted < NOTED_SECONDS:
                return
            self._noted = now
            with suppress(OSError, UserError):  # a full disk stops the work where it writes itself
                parts = [asdict(part) for part in self._parts]
                write_json(self.file, parts, lasting=False)


@contextmanager
def part(
    say: Say,
    what: str,
    total: float = 0,
    unit: str = "images",
    done: float = 0,
    ends_step: bool = False,
) -> Iterator[Work]:
    """The block works on ``what``; see :class:`Part`. Its steps go to what is yielded.

    Args:
        say: a :class:`Reporter`, or any function that takes sentences.
        done: how much of it an earlier try has done.
    """
    reporter = say if isinstance(say, Reporter) else Reporter(say)
    with reporter.part(Part(what, unit, total, ends_step, first=done, done=done)) as work:
        yield work


def beside(say: Say, process: str) -> Path | None:
    """Where another process, which works for that of ``say``, leaves its parts; None: nowhere."""
    file = say.file if isinstance(say, Reporter) else None
    return None if file is None else file.with_name(f"{process}.json")


def read_reports(folder: Path) -> list[Report]:
    """What the processes of a step work on: first that which the step began in, others by name."""
    found = []
    for path in folder.glob("[!.]*.json"):
        with suppress(OSError, ValueError):  # its part ended while we looked
            parts = tuple(Part(**one) for one in json.loads(path.read_text()))
            found.append(Report(path.stem, parts))
    return sorted(found, key=lambda one: (one.process != MAIN, one.process))
