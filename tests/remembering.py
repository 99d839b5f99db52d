"""A reporter that remembers what a watcher could have read."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from model_zoo.progress import Part, Reporter, Say


class Remembering(Reporter):
    """Keeps every state of the parts, the whole first, and writes no file."""

    def __init__(self, say: Say, file: Path | None = None) -> None:
        super().__init__(say, file)
        self.states: list[list[Part]] = []

    def note(self, at_once: bool = False) -> None:
        self.states.append([replace(part) for part in self._parts])

    def of(self, what: str) -> list[Part]:
        """The states of one part."""
        return [part for state in self.states for part in state if part.what == what]
