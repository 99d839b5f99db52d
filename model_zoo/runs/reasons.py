"""Is there a reason to retrain? Told in seconds from names, sizes and times; no image is opened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from model_zoo.data.corrections import corrections_of
from model_zoo.data.snapshots import FOLDER as SNAPSHOTS
from model_zoo.data.source import LISTINGS
from model_zoo.files import read_json, write_json
from model_zoo.runs.joining import new_decisions
from model_zoo.settings import Places, Project

#: In the project's data folder: what the last run saw at the source, by path.
FILE = "listing.json"


@dataclass(frozen=True)
class Arrived:
    """What a look at the source gave.

    Attributes:
        new: files that came, or changed, since the last run looked.
        gone: files that went since.
        wanted: whether that is a reason to retrain.
        decided: corrections that were accepted, or taken back, since the last run.
    """

    new: int
    gone: int
    wanted: bool
    sentence: str
    decided: int = 0


def note_listing(places: Places, listing: Mapping[str, str]) -> None:
    """Keep what a run saw, for the next look; a source without files leaves nothing."""
    if listing:
        write_json(places.project_data / FILE, dict(listing))


def look_for_a_reason(project: Project, places: Places) -> Arrived:
    """Compare what lies at the source with what the last run saw there.

    Until a run has looked again each look says the same: a reason is told once too often rather
    than lost.

    Args:
        places: of the project, its data folder up to date.

    Raises:
        UserError: the source cannot be listed, or the place of corrections cannot be read.
    """
    wanted = project.retraining.new_images
    decided = new_decisions(corrections_of(project.name, places))
    new, gone, found = _at_the_source(project, places)
    found += f"; {decided:,} new decisions on corrections"
    if not any((places.project_data / name).exists() for name in (FILE, SNAPSHOTS)):
        nobody = f"no run of {project.name} has looked at its images yet: start the first"
        return Arrived(new, gone, False, nobody)
    enough = bool(wanted) and new + decided >= wanted
    compared = f"at least {wanted:,}" if enough else f"fewer than {wanted:,}"
    sentence = f"{found}: together {compared} (retraining.new_images)"
    return Arrived(new, gone, enough, sentence, decided)


def _at_the_source(project: Project, places: Places) -> tuple[int, int, str]:
    """New or changed images there, those that are gone, and a sentence."""
    if project.data.source not in LISTINGS.names():
        return 0, 0, f"the source {project.data.source} cannot be looked at without reading it"
    path = places.project_data / FILE
    if not path.exists():
        return 0, 0, f"nobody has noted what lies in {project.data.images}"
    before, now = read_json(path), LISTINGS.get(project.data.source)(project.data)
    new = sum(before.get(one) != stamp for one, stamp in now.items())
    gone = len(before.keys() - now.keys())
    return (
        new,
        gone,
        (f"{new:,} new or changed images and {gone:,} removed ones in {project.data.images}"),
    )
