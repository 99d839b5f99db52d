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
    """The training images by the kept split."""
    images = official_part(run, "training")
    facts_of(run, "preprocess")
    with np.load(run.folder / SPLIT) as split:
        return images.take(split["training"]), images.take(split["validation"])
