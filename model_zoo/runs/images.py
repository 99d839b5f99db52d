"""The images of a run: what was ingested, as it was split."""

from __future__ import annotations

import numpy as np

from model_zoo.data import store
from model_zoo.data.dataset import Dataset, Images
from model_zoo.files import complete_or_absent
from model_zoo.runs.facts import facts_of
from model_zoo.runs.folder import Run

SPLIT = "split.npz"


def dataset_of(run: Run) -> Dataset:
    """The description of the images that were ingested."""
    return store.describe(run.places.datasets_dir, facts_of(run, "ingest")["dataset"])


def official_part(run: Run, part: str) -> Images:
    """All images of the source's own part: ``training`` or ``test``."""
    return store.load(run.places.datasets_dir, facts_of(run, "ingest")["dataset"], part)


def keep_split(run: Run, training: np.ndarray, validation: np.ndarray) -> None:
    """Note which of the training images are trained on, and which validate; int64 indices."""
    with complete_or_absent(run.folder / SPLIT) as partial:
        np.savez_compressed(partial, training=training, validation=validation)


def training_and_validation(run: Run) -> tuple[Images, Images]:
    """The training images by the kept split; early stopping and the search go by the second.

    Half of the images held out: the other half are :func:`calibration_images`.
    """
    images = official_part(run, "training")
    facts_of(run, "preprocess")
    with np.load(run.folder / SPLIT) as split:
        stopping, _ = halves(images.labels, split["validation"])
        return images.take(split["training"]), images.take(stopping)


def calibration_images(run: Run) -> Images:
    """Images held out by which no epoch and no trial was chosen, to fit the temperature on."""
    images = official_part(run, "training")
    with np.load(run.folder / SPLIT) as split:
        return images.take(halves(images.labels, split["validation"])[1])


def halves(labels: np.ndarray, held_out: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Indices in two halves, of each class every other one; both are all of a single image.

    Args:
        labels: (N,) of all training images.
        held_out: indices into them.
    """
    if len(held_out) < 2:
        return held_out, held_out
    by_class = held_out[np.argsort(labels[held_out], kind="stable")]
    return by_class[::2], by_class[1::2]
