"""Did the next version learn it? What two versions say of each image that people labelled."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from model_zoo.data.corrections.store import Corrections

FOLDER = "learned"


@dataclass(frozen=True)
class Learned:
    """One correction: what production said before, and what the new version says.

    ``before`` is empty where nothing was in production.
    """

    id: str
    label: str
    before: str
    before_confidence: float
    after: str
    after_confidence: float

    @property
    def in_words(self) -> str:
        """Whether it was learned, for people."""
        if self.after == self.label:
            return "known before" if self.before == self.label else "learned"
        return "lost" if self.before == self.label else "not learned"


@dataclass(frozen=True)
class Lesson:
    """What one version made of the corrections that it was trained on.

    ``production``: the version before; empty: there was none.
    """

    version: str
    production: str
    rows: tuple[Learned, ...]


def keep_learned(
    corrections: Corrections, version: str, production: str, rows: list[Learned]
) -> None:
    """Write it beside the corrections; what was told of the same version is replaced."""
    values = {
        "version": version,
        "production": production,
        "rows": [vars(one) for one in rows],
    }
    content = json.dumps(values, indent=1).encode()
    corrections.shelf.write(f"{FOLDER}/{int(version):08d}.json", content)


def lessons_of(corrections: Corrections) -> dict[str, tuple[str, Learned]]:
    """By correction: the newest version that was trained on it, and what that made of it."""
    found: dict[str, tuple[str, Learned]] = {}
    names = [f"{FOLDER}/{name}" for name in corrections.shelf.names(FOLDER)]
    contents: Any = corrections.shelf.read_all(names)
    for name in names:  # the oldest first
        if name in contents:
            values = json.loads(contents[name])
            rows = (Learned(**one) for one in values["rows"])
            found |= {one.id: (values["version"], one) for one in rows}
    return found
