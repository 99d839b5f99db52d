"""What several people said of one picture, side by side."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from model_zoo.data.corrections.records import Correction


def by_picture(corrections: Iterable[Correction]) -> list[list[Correction]]:
    """Corrections of equal pictures together, in the order in which each picture first came."""
    found: dict[str, list[Correction]] = defaultdict(list)
    for one in corrections:
        found[one.digest].append(one)
    return list(found.values())
