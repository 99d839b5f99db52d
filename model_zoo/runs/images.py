"""The images of a run: what was ingested, as it was split."""

from __future__ import annotations

import numpy as np

from model_zoo.data import store
from model_zoo.data.dataset import Dataset, Images
from model_zoo.data.split import stratified_limit, stratified_split
from model_zoo.files import complete_or_absent
from model_zoo.runs.facts import facts_of
from model_zoo.runs.folder import Run
from model_zoo.settings import DataSettings

SPLIT = "split.npz"


def dataset_of(run: Run) -> Dataset:
    """The description of the images that were ingested."""
    return store.describe(run.places.datasets_dir, facts_of(run, "ingest")["dataset"])


def official_part(run: Run, part: str) -> Images:
    """All images of the source's own part: ``training``, ``test`` or ``validation``."""
    return store.load(run.places.datasets_dir, facts_of(run, "ingest")["dataset"], part)


def keep_split(run: Run, labels: np.ndarray, data: DataSettings) -> None:
    """Decide which of the training images are trained on, and which validate.

    Args:
        labels: int32 (N,) of the source's training images. Where it has validation images of its
            own, none of them is held out. Those that people labelled, the last ones, are always
            trained on.
    """
    joined = facts_of(run, "ingest").get("joined", 0)
    last = np.arange(len(labels) - joined, len(labels))
    labels = labels[: len(labels) - joined]
    if _has_validation(run):
        training = stratified_limit(labels, data.train_limit, data.seed)
        validation = np.empty(0, np.int64)
    else:
        training, validation = stratified_split(
            labels, data.validation_share, data.seed, data.train_limit
        )
    training = np.concatenate([training, last])
    with complete_or_absent(run.folder / SPLIT) as partial:
        np.savez_compressed(partial, training=training, validation=validation)


def training_images(run: Run) -> Images:
    """The images that are trained on, by the kept split."""
    return official_part(run, "training").take(_kept_split(run)["training"])


def held_out_images(run: Run) -> Images:
    """The images that are not trained on, and judge nothing either: the source's own validation
    part where it has one, else what was split off."""
    if _has_validation(run):
        return official_part(run, "validation")
    return official_part(run, "training").take(_kept_split(run)["validation"])


def parts_with_rows(run: Run) -> dict[str, tuple[Images, str, np.ndarray]]:
    """Every part of the run, the training part first: its images, in which of the source's own
    parts they are, and their rows there."""
    split, test = _kept_split(run), official_part(run, "test")
    held_out = held_out_images(run)
    own = _has_validation(run)
    validation = (
        ("validation", np.arange(len(held_out))) if own else ("training", split["validation"])
    )
    return {
        "training": (training_images(run), "training", split["training"]),
        "validation": (held_out, *validation),
        "test": (test, "test", np.arange(len(test))),
    }


def training_and_validation(run: Run) -> tuple[Images, Images]:
    """What is trained on, and what early stopping and the search go by.

    That is half of the images held out: the other half are :func:`calibration_images`.
    """
    held_out = held_out_images(run)
    return training_images(run), held_out.take(halves(held_out.labels)[0])


def calibration_images(run: Run) -> Images:
    """Images held out by which no epoch and no trial was chosen, to fit the temperature on."""
    held_out = held_out_images(run)
    return held_out.take(halves(held_out.labels)[1])


def joined_images(run: Run) -> Images:
    """The training images that people labelled, in the order of the snapshot."""
    images, joined = official_part(run, "training"), facts_of(run, "ingest").get("joined", 0)
    return images.take(np.arange(len(images) - joined, len(images)))


def halves(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Indices in two halves, of each class every other one; both are all of a single image.

    Args:
        labels: (N,) of the images held out.
    """
    by_class = np.argsort(labels, kind="stable")
    if len(labels) < 2:
        return by_class, by_class
    return by_class[::2], by_class[1::2]


def _kept_split(run: Run) -> dict[str, np.ndarray]:
    if not (run.folder / SPLIT).exists():
        facts_of(run, "preprocess")  # which says that it has to be run
    with np.load(run.folder / SPLIT) as split:
        return {name: split[name] for name in split.files}


def _has_validation(run: Run) -> bool:
    snapshot = facts_of(run, "ingest")["dataset"]
    return store.has_part(run.places.datasets_dir, snapshot, "validation")
