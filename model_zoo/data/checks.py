"""What a dataset must hold before anything is trained on it."""

from __future__ import annotations

from typing import Any

import numpy as np

from model_zoo.data.dataset import Dataset, Images, digest
from model_zoo.errors import UserError

# The official data is balanced to the image; a class below a tenth of its fair share, or
# duplicates above one in a hundred, mean that the files are not what they claim to be.
LEAST_SHARE_OF_FAIR = 0.1
MOST_DUPLICATES = 0.01


def validate(dataset: Dataset, train: Images, test: Images) -> dict[str, Any]:
    """Check shapes, types, ranges, balance and leaks; return the facts that were found.

    Raises:
        UserError: the first check that fails, with the value that failed it.
    """
    for name, part in (("training", train), ("test", test)):
        _check_part(dataset, name, part)
    leaked = count_duplicates(train.images, test.images)
    if leaked > MOST_DUPLICATES * len(test):
        raise UserError(
            f"{leaked} of {len(test)} test images are in the training set too. Expected at most "
            f"{MOST_DUPLICATES:.0%}: accuracy on them would be memory, not skill"
        )
    return {
        "dataset": dataset.name,
        "digest": digest(train, test),
        "train": len(train),
        "test": len(test),
        "train_counts": np.bincount(train.labels, minlength=len(dataset.labels)).tolist(),
        "test_counts": np.bincount(test.labels, minlength=len(dataset.labels)).tolist(),
        "test_images_in_train": leaked,
        "mean_pixel": round(float(train.images.mean()), 3),
        "std_pixel": round(float(train.images.std()), 3),
    }


def count_duplicates(train: np.ndarray, test: np.ndarray) -> int:
    """How many test images are equal, byte for byte, to a training image."""
    seen = {image.tobytes() for image in train}
    return sum(image.tobytes() in seen for image in test)


def _check_part(dataset: Dataset, name: str, part: Images) -> None:
    images, labels = part.images, part.labels
    if images.shape[1:] != dataset.image_shape or not len(images):
        raise UserError(
            f"{name} images: expected shape (N, {dataset.image_shape[0]}, "
            f"{dataset.image_shape[1]}) with N > 0. Received: {images.shape}"
        )
    if images.dtype != np.uint8 or labels.dtype != np.uint8:
        raise UserError(
            f"{name} images and labels: expected uint8. Received: {images.dtype}, {labels.dtype}"
        )
    if labels.shape != (len(images),):
        raise UserError(
            f"{name} labels: expected one for each of {len(images)} images. "
            f"Received: {labels.shape}"
        )
    if int(labels.max()) >= len(dataset.labels):
        raise UserError(
            f"{name} labels: expected 0 to {len(dataset.labels) - 1}. Received: {int(labels.max())}"
        )
    if int(images.max()) - int(images.min()) < 128:
        raise UserError(
            f"{name} images: expected pixels that use the range 0 to 255. "
            f"Received: {int(images.min())} to {int(images.max())}"
        )
    counts = np.bincount(labels, minlength=len(dataset.labels))
    fair = len(labels) / len(dataset.labels)
    if counts.min() < LEAST_SHARE_OF_FAIR * fair:
        scarce = dataset.labels[int(counts.argmin())]
        raise UserError(
            f"{name} images of class {scarce!r}: expected at least "
            f"{LEAST_SHARE_OF_FAIR * fair:.0f}. Received: {int(counts.min())}"
        )
