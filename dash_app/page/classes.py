"""Lists of classes: of many one looks for a name instead of scrolling."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

#: A list with more entries can be searched, and a table has no column for each.
FEW = 12
#: Entries that an open list shows at once; what is typed finds the others.
SHOWN = 100


def is_many(labels: Sequence[str]) -> bool:
    return len(labels) > FEW


def choice(labels: Sequence[str]) -> dict[str, Any]:
    """Properties of a ``dmc.Select`` of classes. Of few a phone need not open its keyboard."""
    return {
        "data": list(labels),
        "searchable": is_many(labels),
        "placeholder": f"search {len(labels):,} classes" if is_many(labels) else "choose",
    }


#: Of every ``dmc.Select`` of classes, however many there are.
SEARCH: dict[str, Any] = {"limit": SHOWN, "nothingFoundMessage": "no class of that name"}
