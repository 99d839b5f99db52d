"""Is there a reason to retrain? Told in seconds from names, sizes and times; no file is opened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from model_zoo.data.source import LISTINGS
from model_zoo.files import read_json, write_json
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
    """

    new: int
    gone: int
    wanted: bool
    sentence: str


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
        UserError: the source cannot be listed.
    """
    wanted = project.retraining.new_images
    if project.data.source not in LISTINGS.names():
        return Arrived(
            0, 0, False,
            f"the source {project.data.source} cannot be looked at without reading its images: "
            "its timetable alone starts a run",
        )  # fmt: skip
    path = places.project_data / FILE
    if not path.exists():
        return Arrived(
            0, 0, False, f"no run of {project.name} has looked at its images yet: start the first"
        )  # fmt: skip
    before, now = read_json(path), LISTINGS.get(project.data.source)(project.data)
    new = sum(before.get(one) != stamp for one, stamp in now.items())
    gone = len(before.keys() - now.keys())
    found = f"{new:,} new or changed images and {gone:,} removed ones in {project.data.images}"
    enough = bool(wanted) and new >= wanted
    compared = f"at least {wanted:,}" if enough else f"fewer than {wanted:,}"
    return Arrived(new, gone, enough, f"{found}: {compared} (retraining.new_images)")
