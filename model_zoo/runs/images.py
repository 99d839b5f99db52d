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
            own, none of them is held out.
    """
    if _has_validation(run):
        training = stratified_limit(labels, data.train_limit, data.seed)
        validation = np.empty(0, np.int64)
    else:
        training, validation = stratified_split(
            labels, data.validation_share, data.seed, data.train_limit
        )
    with complete_or_absent(run.folder / SPLIT) as partial:
        np.savez_compressed(partial, training=training, validation=validation)


def training_and_validation(run: Run) -> tuple[Images, Images]:
    """The training images by the kept split."""
    images = official_part(run, "training")
    if not (run.folder / SPLIT).exists():
        facts_of(run, "preprocess")  # which says that it has to be run
    with np.load(run.folder / SPLIT) as split:
        training = images.take(split["training"])
        if _has_validation(run):
            return training, official_part(run, "validation")
        return training, images.take(split["validation"])


def _has_validation(run: Run) -> bool:
    snapshot = facts_of(run, "ingest")["dataset"]
    return store.has_part(run.places.datasets_dir, snapshot, "validation")
