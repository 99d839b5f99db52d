"""What the last run made of each accepted correction, where page and workers reach it."""

from __future__ import annotations

import json
from typing import TypedDict

from model_zoo.data.corrections.store import Corrections

FILE = "taken.json"


class Taken(TypedDict):
    """``label`` with which it joined; ``held``: why it did not, empty where it did."""

    label: str
    held: str


def read_taken(corrections: Corrections) -> dict[str, Taken]:
    """By id; empty before the first run."""
    content = corrections.shelf.read(FILE)
    return {} if content is None else dict(json.loads(content))


def write_taken(corrections: Corrections, taken: dict[str, Taken]) -> None:
    """Replace what the run before found."""
    corrections.shelf.write(FILE, json.dumps(taken, indent=1).encode())
