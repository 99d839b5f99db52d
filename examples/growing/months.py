"""What arrives in a month, and what the story remembers of it."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from model_zoo.files import complete_or_absent


@dataclass(frozen=True)
class Picture:
    """A picture that arrives.

    Attributes:
        path: where it lies before; ``name`` is its name in the project.
        label: its class.
        group: what must not be torn apart between training and test.
    """

    path: Path
    name: str
    label: str
    group: str


@dataclass(frozen=True)
class Month:
    """What arrives in a month.

    Attributes:
        timetable: whether a run is due in it, reason or none.
    """

    number: int
    pictures: tuple[Picture, ...]
    timetable: bool = False


@dataclass
class Told:
    """What happened in a month.

    Attributes:
        arrived, images: new files, and usable images of all months, in all parts.
        reason: why a run started; empty: none did.
        nothing_new: why the run ended after `ingest`; empty: it went on.
        candidate, verdict, promoted: of the run, if it trained.
        before, after: production's version before and after.
        tested: of the month's images, those in the test part, which no version has learned from.
        right_before, right_after: how many of them production had right, before and after.
        processor_seconds, seconds: of the run, with all of its processes; and by the clock.
    """

    month: int
    arrived: int
    watch: str
    reason: str = ""
    images: int = 0
    snapshot: str = ""
    nothing_new: str = ""
    candidate: str = ""
    verdict: str = ""
    promoted: bool = False
    before: str = ""
    after: str = ""
    tested: int = 0
    right_before: int | None = None
    right_after: int | None = None
    processor_seconds: float = 0.0
    seconds: float = 0.0


def arrive(pictures: Iterable[Picture], folder: Path) -> None:
    """Put pictures into the project's folder, a folder a class, and tell of their groups in its
    ``metadata.csv``; what lies there already stays as it is."""
    everything = {f"{one.label}/{one.name}": one for one in pictures}
    for place, one in everything.items():
        if not (folder / place).exists():
            with complete_or_absent(folder / place) as partial:
                shutil.copyfile(one.path, partial)
    with complete_or_absent(folder / "metadata.csv") as partial, partial.open("w") as file:
        table = csv.writer(file)
        table.writerow(("file_name", "label", "group"))
        table.writerows((place, one.label, one.group) for place, one in everything.items())
