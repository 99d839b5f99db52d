"""What a run finds at the source: a snapshot of the images, noted among those of the project."""

from __future__ import annotations

from model_zoo.data import snapshots
from model_zoo.data.additions import added_rows
from model_zoo.data.manifest import Manifest
from model_zoo.data.source import SOURCES, Found
from model_zoo.locks import locked
from model_zoo.runs import project_data, reasons
from model_zoo.runs import run_records as records
from model_zoo.runs.facts import IngestFacts, left_out_in_words
from model_zoo.runs.folder import Run
from model_zoo.runs.joining import as_it_joined, join
from model_zoo.runs.nothing_new import nothing_new


def ingested(run: Run) -> IngestFacts:
    """Have the source look, or take the old snapshot that is asked for, and keep the images.

    Raises:
        UserError: what the source finds wrong; no such snapshot.
    """
    run.say(f"What started this run: {run.reason}")
    places, data = run.places.of(run.project.name), run.project.data

    def look() -> Found:
        return SOURCES.get(data.source)(data, places, run.say)

    def look_again(manifest: Manifest) -> Found:
        return as_it_joined(look(), manifest, run.project, places)

    with locked(places.home / "locks" / f"data-{run.project.name}.lock"):
        project_data.fetch(places)
        if data.snapshot:
            dataset = snapshots.restored(data.snapshot, places, look_again)
            left_out = ""
        else:
            found = join(look(), run.project, places, run.say)
            dataset = snapshots.keep(found, data, places, run.say)
            reasons.note_listing(places, found.listing)
            records.write_left_out(run, found.left_out)
            left_out = left_out_in_words(found.left_out)
            project_data.send(places)
        joined = added_rows(snapshots.read(places.project_data, dataset.snapshot))
    found_nothing = nothing_new(run, dataset)
    if found_nothing:
        run.say(found_nothing)
    return {
        "dataset": dataset.snapshot,
        "generated": dataset.generated,
        "origin": dataset.origin,
        "nothing_new": found_nothing,
        "reason": run.reason,
        "joined": len(joined),
        "summary": found_nothing
        or f"{dataset.name}: {dataset.origin}{left_out}; snapshot {dataset.snapshot}",
    }
