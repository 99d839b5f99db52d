"""What a run leaves for those who review: like images, and what became of their corrections."""

from __future__ import annotations

from typing import Any

import numpy as np

from model_zoo.data import snapshots
from model_zoo.data.additions import ORIGINS, added_rows
from model_zoo.data.corrections import corrections_of
from model_zoo.data.corrections.learned import Learned, keep_learned
from model_zoo.data.dataset import Images
from model_zoo.errors import UserError
from model_zoo.predictor import ServedClassifier, load_classifier
from model_zoo.predictor.neighbours import FILE, write_sample
from model_zoo.predictor.versions import open_folder
from model_zoo.registry.versions import find_alias
from model_zoo.runs.facts import facts_of
from model_zoo.runs.folder import Run
from model_zoo.runs.images import joined_images
from model_zoo.runs.what_to_label import rank_unlabelled

TABLE = "review/corrections.json"
MOST_ROWS = 2000


def leave_neighbours(run: Run, training: Images) -> None:
    """Log the version's sample of training images with their embeddings to the active run."""
    import mlflow

    path = run.folder / FILE
    if not path.exists():
        served = _candidate(run)
        write_sample(path, served, training.images, training.labels, run.project.data.seed)
    mlflow.log_artifact(str(path), path.parent.name)


def tell_what_was_learned(run: Run, version: str) -> None:
    """Ask the new version and production about each image that people labelled; to the active run.

    Beside the corrections too, where page and reviewers find it.
    """
    import mlflow

    images = joined_images(run)
    if not len(images):
        return
    some = images.take(np.arange(min(len(images), MOST_ROWS)))
    folder = run.places.of(run.project.name).project_data
    manifest = snapshots.read(folder, facts_of(run, "ingest")["dataset"])
    training = manifest.rows_of("training")
    origins = [manifest.origins[training[row]] for row in added_rows(manifest)]
    truth = [manifest.labels[training[row]] for row in added_rows(manifest)]
    after = _answers(_candidate(run), some)
    before, old = _answers_of_production(run, some)
    rows = [
        Learned(
            id=_id_of(origin),
            label=label,
            before=before[place][0],
            before_confidence=before[place][1],
            after=after[place][0],
            after_confidence=after[place][1],
        )
        for place, (origin, label) in enumerate(zip(origins[: len(some)], truth, strict=False))
    ]
    learned = sum(one.after == one.label for one in rows)
    knew = sum(one.before == one.label for one in rows)
    run.say(
        f"of {len(rows):,} images that people labelled this version answers {learned:,} as they "
        f"said" + (f", version {old} in production {knew:,}" if old else "")
    )
    keep_learned(corrections_of(run.project.name, run.places), version, old, rows)
    table = [vars(one) for one in rows]
    mlflow.log_dict({"version": version, "production": old, "rows": table}, TABLE)
    mlflow.log_metrics({"corrections": len(rows), "corrections_learned": learned})


def rank_what_has_no_label(run: Run) -> None:
    """Which unlabelled images to label next, by what is in production now, if there are any."""
    if not run.project.data.unlabelled:
        return
    try:
        ranking = rank_unlabelled(run.project, run.places.of(run.project.name), run.say)
    except UserError as error:  # that is no reason to fail a run that has ended well
        run.say(f"unlabelled images are not ranked: {error}")
    else:
        run.say(f"{len(ranking.first):,} unlabelled images to label first: `catwalk review next`")


def _candidate(run: Run) -> ServedClassifier:
    return open_folder(run.folder / "served", run.name, {}, run.serving, file="model.onnx")


def _answers(served: ServedClassifier, images: Images) -> list[tuple[str, float]]:
    """The class and its confidence for each image."""
    found = served.probabilities(images.images[:])
    return [(served.labels[int(row.argmax())], round(float(row.max()), 4)) for row in found]


def _answers_of_production(
    run: Run, images: Images
) -> tuple[list[tuple[str, float]] | list[tuple[str, Any]], str]:
    """The same by production, and its number; empty answers where there is none that can."""
    nothing = [("", 0.0)] * len(images)
    try:
        production = find_alias(run.store, "production")
        if production is None:
            return nothing, ""
        served = load_classifier(run.store, run.serving, run.places.cache_dir, production.version)
        return _answers(served, images), production.version
    except UserError as error:  # an older shape, or it cannot be fetched: the table goes without
        run.say(f"production is not asked about corrections: {error}")
        return nothing, ""


def _id_of(origin: str) -> str:
    return next(origin.removeprefix(one) for one in ORIGINS.values() if origin.startswith(one))
