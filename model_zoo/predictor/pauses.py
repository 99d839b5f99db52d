"""What failed is tried again with growing pauses, not at every look."""

from __future__ import annotations

import time

LONGEST_SECONDS = 300.0


class Pauses:
    """Of one thing at a time: another one is tried at once."""

    def __init__(self, first_seconds: float) -> None:
        """The first pause; each following one is twice as long, up to ``LONGEST_SECONDS``."""
        self.first_seconds = first_seconds
        self._what = ""
        self._tries = 0
        self._again_at = 0.0

    def is_waiting(self, what: str) -> bool:
        """Whether ``what`` failed a short while ago."""
        return what == self._what and time.monotonic() < self._again_at

    def began(self, what: str) -> None:
        """``what`` is tried now; unless it is said to be :meth:`over`, it failed."""
        self._tries = self._tries + 1 if what == self._what else 1
        self._what = what
        pause = min(LONGEST_SECONDS, self.first_seconds * 2.0 ** (self._tries - 1))
        self._again_at = time.monotonic() + pause

    def over(self) -> None:
        """What was tried went well."""
        self._what, self._tries = "", 0
