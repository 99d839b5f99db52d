"""Pictures that anybody may have sent, decoded in processes with a deadline and a memory limit.

A picture is first tried for a quarter of a second, which is enough for nearly all (a photograph of
12 million pixels takes a tenth). What takes longer goes on at low priority, one at a time, and who
sent it is not tried quickly again for a while: whatever is sent, there is a process left for the
next small picture of somebody else. A process that overruns its time or its memory is killed and
costs nobody else anything. Answers come back as JSON and pixels, never as pickled objects: who sent
the picture may have taken over the process.
"""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import threading
import time
import weakref
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from multiprocessing import Pipe
from multiprocessing.connection import Connection

from PIL import Image

from model_zoo.errors import UserError
from model_zoo.images.decode import WORKING_SIDE, Decoded, NotAnImage, TooManyPixels
from model_zoo.images.decoder_process import HEADER, READY

QUICK = 2  # pictures that are tried at once
QUICK_SECONDS = 0.25
SLOW_WAITING = 3  # of those that take longer, while one is decoded; more are refused at once
SLOW_SENDERS_SECONDS = 30.0  # how long it is remembered who sent one
MOST_SENDERS = 10_000
SLOW_PRIORITY = 15  # its niceness
WAIT_SECONDS = 30.0  # for a place
START_SECONDS = 30.0  # for Python and its imports, which are no picture's fault
#: More than any answer: a picture of 512 x 512 pixels, or a sentence.
LARGEST_ANSWER = 2 * 2**20


class DecodersBusy(UserError):
    """Too many large pictures wait already; asking again later helps."""


class Budget:
    """What the pictures of one request may cost together."""

    def __init__(
        self,
        pixels: float = math.inf,
        seconds: float = math.inf,
        patient: bool = False,
        sender: str = "",
    ) -> None:
        """
        Args:
            pixels: of the files' own pictures, before they are made smaller.
            seconds: of decoding.
            patient: pictures that take long wait for their turn, however many others do.
            sender: the address that it comes from, if it is known.
        """
        self.patient, self.sender = patient, sender
        self.pixels = self._pixels_left = pixels
        self.seconds = self._seconds_left = seconds
        self.was_slow = False  # then its other pictures are not tried quickly

    def check(self) -> None:
        """Raise TooManyPixels where nothing is left."""
        if self._pixels_left <= 0:
            raise TooManyPixels(
                f"the pictures before this one have {self.pixels:,.0f} pixels together, which is "
                "what is read at once. Send fewer, or smaller ones"
            )
        if self._seconds_left <= 0:
            raise TooManyPixels(
                f"the pictures before this one took {self.seconds:g} s to decode, which is what is "
                "given to one request. Send fewer, or smaller ones"
            )

    def spend(self, seconds: float, size: tuple[int, int] = (0, 0)) -> None:
        self._seconds_left -= seconds
        self._pixels_left -= size[0] * size[1]


class Decoders:
    """A few processes that decode; safe for several threads. None runs before it is needed."""

    def __init__(self, max_pixels: int, memory_mb: int, seconds: float) -> None:
        """
        Args:
            max_pixels: of the largest picture that is decoded whole.
            memory_mb: that decoding one picture may take.
            seconds: that it may take.
        """
        self.max_pixels, self.memory_mb, self.seconds = max_pixels, memory_mb, seconds
        self._idle: list[_Process] = []
        self._quick = threading.BoundedSemaphore(QUICK)
        self._slow = threading.Semaphore(1)
        self._slow_places = threading.BoundedSemaphore(1 + SLOW_WAITING)
        self._slow_senders: OrderedDict[str, float] = OrderedDict()  # until when
        self._remembering = threading.Lock()
        self._end = weakref.finalize(self, _end_all, self._idle)

    def decode(
        self, content: bytes, budget: Budget | None = None, least: int = WORKING_SIDE
    ) -> Decoded:
        """As :func:`model_zoo.images.decode`, within the limits.

        Raises:
            NotAnImage: not one of the formats that are read, or damaged.
            TooManyPixels: too large, too slow or too hungry, or the budget is spent.
            DecodersBusy: too many that take long wait already.
        """
        budget = budget or Budget()
        budget.check()
        started, size = time.monotonic(), (0, 0)
        message = HEADER.pack(self.max_pixels, least) + content
        try:
            slow = budget.was_slow or self._is_slow(budget.sender)
            found = None if slow else self._tried_quickly(message, budget.sender)
            if found is None:
                budget.was_slow = True
                with nullcontext() if budget.patient else _place(self._slow_places, 0):
                    started, found = self._in_turn(message)
            size = found.size
            return found
        finally:
            budget.spend(time.monotonic() - started, size)

    def _is_slow(self, sender: str) -> bool:
        with self._remembering:
            return time.monotonic() < self._slow_senders.get(sender, 0)

    def _remember(self, sender: str) -> None:
        if not sender:
            return
        with self._remembering:
            self._slow_senders.pop(sender, None)
            self._slow_senders[sender] = time.monotonic() + SLOW_SENDERS_SECONDS
            while len(self._slow_senders) > MOST_SENDERS:
                self._slow_senders.popitem(last=False)

    def _tried_quickly(self, message: bytes, sender: str) -> Decoded | None:
        """None: it takes longer, and has to wait for its turn."""
        with _place(self._quick, WAIT_SECONDS):
            process = self._take()
            process.ask(message)
            if process.answers_within(min(QUICK_SECONDS, self.seconds)):
                return self._answer_of(process)
            self._remember(sender)
        if not self._slow.acquire(blocking=False):
            process.kill()  # another picture is being decoded: this one begins again in its turn
            return None
        try:
            return self._go_on(process, self.seconds - QUICK_SECONDS)
        finally:
            self._slow.release()

    def _in_turn(self, message: bytes) -> tuple[float, Decoded]:
        """When it began, and the picture."""
        with _place(self._slow, WAIT_SECONDS):
            started = time.monotonic()
            process = self._take()
            process.ask(message)
            if process.answers_within(min(QUICK_SECONDS, self.seconds)):
                return started, self._answer_of(process)
            return started, self._go_on(process, self.seconds - QUICK_SECONDS)

    def _go_on(self, process: _Process, seconds: float) -> Decoded:
        """At low priority, which a process cannot give up again: it is not kept."""
        process.give_way()
        if not process.answers_within(seconds):
            process.kill()
            raise TooManyPixels(
                f"decoding this picture takes more than {self.seconds:g} s. Send a smaller one, or "
                "save it anew"
            )
        try:
            return process.answer()
        finally:
            process.kill()

    def _answer_of(self, process: _Process) -> Decoded:
        try:
            found = process.answer()
        except NotAnImage:
            self._keep(process)
            raise
        self._keep(process)
        return found

    def _take(self) -> _Process:
        while True:
            try:
                process = self._idle.pop()
            except IndexError:
                return _Process(self.memory_mb, self.seconds)
            if process.is_alive():
                return process
            process.kill()

    def _keep(self, process: _Process) -> None:
        if process.is_alive() and len(self._idle) < QUICK:
            self._idle.append(process)
        else:
            process.kill()

    def start(self) -> None:
        """Start a process now, so that the first picture need not wait for it."""
        if not self._idle:
            self._keep(_Process(self.memory_mb, self.seconds))

    def close(self) -> None:
        """End the processes; a picture that still comes starts another."""
        _end_all(self._idle)


class _Process:
    """One of them."""

    def __init__(self, memory_mb: int, seconds: float) -> None:
        self._connection, theirs = Pipe()
        arguments = [str(theirs.fileno()), str(memory_mb), str(math.ceil(seconds) + 1)]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "model_zoo.images.decoder_process", *arguments],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            env=os.environ | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
        )
        theirs.close()
        self._is_ready = False

    def is_alive(self) -> bool:
        return self._process.poll() is None

    def ask(self, message: bytes) -> None:
        with suppress(EOFError, OSError):  # it has ended: then there is no answer either
            if not self._is_ready and self._connection.poll(START_SECONDS):
                self._is_ready = self._connection.recv_bytes(len(READY)) == READY
            self._connection.send_bytes(message)

    def answers_within(self, seconds: float) -> bool:
        return self._connection.poll(max(seconds, 0))

    def answer(self) -> Decoded:
        """Raises NotAnImage or TooManyPixels, whatever became of the process."""
        try:
            about = json.loads(self._connection.recv_bytes(LARGEST_ANSWER))
            if "mode" in about:
                return _decoded(about, self._connection)
        except (EOFError, OSError, ValueError, KeyError, TypeError):
            self.kill()
            raise NotAnImage(
                "this picture cannot be read: the decoder broke off over it. Save it anew"
            ) from None
        kind = TooManyPixels if "too_large" in about else NotAnImage
        raise kind(str(about.get("too_large") or about.get("refused")))

    def give_way(self) -> None:
        with suppress(OSError):  # it has just ended
            os.setpriority(os.PRIO_PROCESS, self._process.pid, SLOW_PRIORITY)

    def kill(self) -> None:
        self._connection.close()
        self._process.kill()
        self._process.wait()


def _decoded(about: dict, connection: Connection) -> Decoded:
    across, down = map(int, about["decoded"])
    if not 0 < max(across, down) <= WORKING_SIDE:
        raise ValueError(f"a picture of {across} x {down} pixels was not asked for")
    width, height = about["size"]
    mode = "RGBA" if about["mode"] == "RGBA" else "RGB"
    return Decoded(
        picture=Image.frombytes(mode, (across, down), connection.recv_bytes(LARGEST_ANSWER)),
        size=(int(width), int(height)),
        orientation=int(about["orientation"]),
        notes=tuple(map(str, about["notes"])),
    )


@contextmanager
def _place(places: threading.Semaphore, seconds: float) -> Iterator[None]:
    if not places.acquire(timeout=seconds) if seconds else not places.acquire(blocking=False):
        raise DecodersBusy("too many large pictures are being read: send this again in a minute")
    try:
        yield
    finally:
        places.release()


def _end_all(processes: list[_Process]) -> None:
    while processes:
        processes.pop().kill()
