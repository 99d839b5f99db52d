"""One thing that may go, as `catwalk clean` tells and removes it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

DAY = 24 * 3600.0  # seconds


@dataclass(frozen=True)
class Old:
    """One thing that may go.

    Attributes:
        kind: for people, in the plural.
        what: which one.
        paths: files and folders on this disk that go with it.
        remove: does it; False: it is in use after all, and stays.
        elsewhere: bytes that lie on no disk of ours.
    """

    kind: str
    what: str
    paths: tuple[Path, ...]
    remove: Callable[[], bool]
    elsewhere: int = 0
