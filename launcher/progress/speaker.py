"""When to speak, where nobody sees a bar: not too often, and never silent for long."""

from __future__ import annotations

import time
from collections.abc import Callable

EVERY_SECONDS = 6.0


class Speaker:
    """Says what stands once nothing has been said for some seconds; asked about once a second."""

    def __init__(
        self,
        what_stands: Callable[[], str],
        say: Callable[[str], None],
        every: float = EVERY_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._what_stands, self._say = what_stands, say
        self._every, self._clock = every, clock
        self._last = clock()

    def heard(self) -> None:
        """Somebody else has just said something."""
        self._last = self._clock()

    def tick(self) -> None:
        """Speak, if it is time."""
        if self._clock() - self._last >= self._every:
            self.heard()
            self._say(self._what_stands())
