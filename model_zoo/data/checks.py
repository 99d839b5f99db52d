"""What a dataset must hold before anything is trained on it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from model_zoo.data.dataset import Dataset, Images
from model_zoo.data.pixel_store import looks_of
from model_zoo.data.pixels import Pixels, chunks_of
from model_zoo.errors import UserError

# A class below a tenth of its fair share, or duplicates above one in a hundred, mean that the
# images are not what they claim to be.
LEAST_SHARE_OF_FAIR = 0.1
MOST_DUPLICATES = 0.01
LEAST_RANGE = 128  # of 255, between the darkest and the brightest pixel of all images


def validate(
    dataset: Dataset,
    training: Images,
    test: Images,
    least_share: float = LEAST_SHARE_OF_FAIR,
) -> dict[str, Any]:
    """Check shapes, types, ranges, balance and leaks; return the facts that were found.

    Args:
        least_share: part of its fair share of the images that each class must have; with 0 it
            needs one image.

    Raises:
        UserError: the first check that fails, with the value that failed it.
    """
    pixels = _check_part(dataset, "training", training, least_share)
    _check_part(dataset, "test", test, least_share)
    leaked = count_duplicates(training.images, test.images)
    if leaked > MOST_DUPLICATES * len(test):
        raise UserError(
            f"{leaked} of {len(test)} test images are in the training set too. Expected at most "
            f"{MOST_DUPLICATES:.0%}: accuracy on them would be memory, not skill"
        )
    mean, deviation = _mean_and_deviation(pixels)
    return {
        "dataset": dataset.name,
        "digest": dataset.snapshot,
        "train": len(training),
        "test": len(test),
        "train_counts": np.bincount(training.labels, minlength=len(dataset.labels)).tolist(),
        "test_counts": np.bincount(test.labels, minlength=len(dataset.labels)).tolist(),
        "test_images_in_train": leaked,
        "mean_pixel": round(mean, 3),
        "std_pixel": round(deviation, 3),
    }


def count_duplicates(train: Pixels, test: Pixels) -> int:
    """How many test images are equal, byte for byte, to a training image."""
    return int(np.isin(looks_of(test), looks_of(train)).sum())


def _check_part(dataset: Dataset, name: str, part: Images, least_share: float) -> np.ndarray:
    """How many of its pixels have each value, int64 (256,)."""
    images, labels = part.images, part.labels
    if images.shape[1:] != dataset.array_shape or not len(images):
        sides = ", ".join(map(str, dataset.array_shape))
        raise UserError(
            f"{name} images: expected shape (N, {sides}) with N > 0. Received: {images.shape}"
        )
    if images.dtype != np.uint8 or labels.dtype != np.int32:
        raise UserError(
            f"{name} images and labels: expected uint8 and int32. "
            f"Received: {images.dtype} and {labels.dtype}"
        )
    if labels.shape != (len(images),):
        raise UserError(
            f"{name} labels: expected one for each of {len(images)} images. "
            f"Received: {labels.shape}"
        )
    for label in (int(labels.min()), int(labels.max())):
        if not 0 <= label < len(dataset.labels):
            raise UserError(
                f"{name} labels: expected 0 to {len(dataset.labels) - 1}. Received: {label}"
            )
    pixels = _pixel_counts(images)
    used = np.flatnonzero(pixels)
    darkest, brightest = int(used[0]), int(used[-1])
    if brightest - darkest < LEAST_RANGE:
        raise UserError(
            f"{name} images: expected pixels that use the range 0 to 255. "
            f"Received: {darkest} to {brightest}"
        )
    counts = np.bincount(labels, minlength=len(dataset.labels))
    least = max(1, math.ceil(least_share * len(labels) / len(dataset.labels)))
    if counts.min() < least:
        scarce = dataset.labels[int(counts.argmin())]
        raise UserError(
            f"{name} images of class {scarce!r}: expected at least {least}. "
            f"Received: {int(counts.min())}"
        )
    return pixels


def _pixel_counts(images: Pixels) -> np.ndarray:
    """How many pixels have each value, int64 (256,)."""
    counts = np.zeros(256, np.int64)
    for some in chunks_of(images):
        counts += np.bincount(some.ravel(), minlength=256)
    return counts


def _mean_and_deviation(counts: np.ndarray) -> tuple[float, float]:
    values = np.arange(256)
    mean = float(np.average(values, weights=counts))
    return mean, math.sqrt(np.average((values - mean) ** 2, weights=counts))
