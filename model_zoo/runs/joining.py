"""Images that people labelled, on their way into a snapshot; and what came of each."""

from __future__ import annotations

from model_zoo.data.additions import Joined, is_added, joined
from model_zoo.data.corrections import Correction, Corrections, corrections_of
from model_zoo.data.corrections.taken import Taken, read_taken, write_taken
from model_zoo.data.forgotten import forgotten
from model_zoo.data.manifest import Manifest
from model_zoo.data.seen import read_seen
from model_zoo.data.source import Found, Say
from model_zoo.runs.unlabelled import content_of
from model_zoo.settings import Places, Project

NAMED = 3


def join(found: Found, project: Project, places: Places, say: Say) -> Found:
    """Have everything that was accepted join, and note what came of it.

    Args:
        places: of the project, whose data lock is held.

    Raises:
        UserError: the place of corrections cannot be used.
    """
    corrections = corrections_of(project.name, places)
    known = [one for one in corrections.all() if one.is_accepted]
    result = _joined(found, known, corrections, project, places)
    before, now = read_taken(corrections), _as_taken(result)
    if now != before:
        write_taken(corrections, now)
    if result.taken:
        say(f"{len(result.taken):,} images that people labelled join the training part")
    for id, reason in list(result.held.items())[:NAMED]:
        say(f"correction {id.rpartition('-')[2]} is left out: {reason}")
    if len(result.held) > NAMED:
        say(
            f"{len(result.held) - NAMED:,} more corrections are left out: `catwalk review` says why"
        )
    return result.found


def as_it_joined(found: Found, manifest: Manifest, project: Project, places: Places) -> Found:
    """Have those join that are in an old snapshot, whatever was decided since."""
    wanted = {
        digest: label
        for digest, label, origin in zip(
            manifest.digests, manifest.labels, manifest.origins, strict=True
        )
        if is_added(origin)
    }
    if not wanted:
        return found
    corrections = corrections_of(project.name, places)
    once = [
        one
        for one in corrections.all()
        if wanted.get(one.digest) == one.agreed
    ]  # fmt: skip
    return _joined(found, once, corrections, project, places).found


def _joined(
    found: Found,
    accepted: list[Correction],
    corrections: Corrections,
    project: Project,
    places: Places,
) -> Joined:
    return joined(
        found,
        accepted,
        corrections,
        project.data,
        places,
        read_seen(places.project_data),
        forgotten(places.project_data),
        lambda path: content_of(project.data, path),
    )


def _as_taken(result: Joined) -> dict[str, Taken]:
    taken = {id: Taken(label=label, held="") for id, label in result.taken.items()}
    return taken | {id: Taken(label="", held=reason) for id, reason in result.held.items()}


def new_decisions(corrections: Corrections) -> int:
    """Decisions that no run has acted on: accepted, given another class, or taken back since."""
    taken = read_taken(corrections)
    accepted = {one.id: one.agreed for one in corrections.accepted()}
    new = sum(
        id not in taken or (not taken[id]["held"] and taken[id]["label"] != label)
        for id, label in accepted.items()
    )
    return new + sum(not one["held"] and id not in accepted for id, one in taken.items())
