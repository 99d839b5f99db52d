"""How much one address, and all together, may ask at once; the page and the API count alike."""

from __future__ import annotations

import ipaddress
import math
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager

from flask import has_request_context, request

from model_zoo.errors import UserError

BATCHES = 4  # requests of several pictures that are answered at once
BATCH_SECONDS = 5.0  # that another waits for its turn
MOST_ADDRESSES = 10_000
IPV6_NETWORK = 64  # bits: who has one address of it has all of them


class TooMany(UserError):
    """Asked too often; ``retry_after`` is when it may be asked again, in seconds."""

    def __init__(self, sentence: str, retry_after: float) -> None:
        super().__init__(sentence)
        self.retry_after = max(1, math.ceil(retry_after))


class PictureLimit:
    """Pictures a minute of one address: a bucket that fills evenly and holds those of a minute.

    Of one process of the page; several each count what they get.
    """

    def __init__(self, a_minute: int) -> None:
        """0: no limit."""
        self.a_minute = a_minute
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()  # pictures, and when
        self._lock = threading.Lock()

    def take(self, address: str, pictures: int) -> None:
        """Count pictures that are about to be answered.

        More than a minute's at once are let through when the bucket is full, or they never were.

        Raises:
            TooMany: none of them is answered, nor counted.
        """
        if not self.a_minute or not pictures:
            return
        now, a_second = time.monotonic(), self.a_minute / 60
        with self._lock:
            left, then = self._left.pop(address, (float(self.a_minute), now))
            left = min(float(self.a_minute), left + (now - then) * a_second)
            missing = min(pictures, self.a_minute) - left
            self._left[address] = (left if missing > 0 else left - pictures, now)
            while len(self._left) > MOST_ADDRESSES:
                self._left.popitem(last=False)
        if missing > 0:
            raise TooMany(
                f"more than {self.a_minute:,} pictures a minute from one address: send this again "
                f"in {max(1, math.ceil(missing / a_second)):,} s",
                missing / a_second,
            )


class Turns:
    """Requests of several pictures take turns, so that a lone picture always finds a thread."""

    def __init__(self, at_once: int = BATCHES, seconds: float = BATCH_SECONDS) -> None:
        self._places = threading.BoundedSemaphore(at_once)
        self._seconds = seconds

    @contextmanager
    def turn(self, pictures: int) -> Iterator[None]:
        """Wait for a turn, unless it is one picture.

        Raises:
            TooMany: none came.
        """
        if pictures <= 1:
            yield
            return
        if not self._places.acquire(timeout=self._seconds):
            raise TooMany("many large batches are being answered: send this again in a minute", 30)
        try:
            yield
        finally:
            self._places.release()


def address() -> str:
    """Who is asking, as far as one network is one person; empty outside a request."""
    if not has_request_context():
        return ""
    asked_by = request.remote_addr or ""
    try:
        found = ipaddress.ip_address(asked_by)
    except ValueError:  # a socket file
        return asked_by
    if found.version == 4:
        return asked_by
    if found.ipv4_mapped:
        return str(found.ipv4_mapped)
    return str(ipaddress.ip_network((found, IPV6_NETWORK), strict=False))
