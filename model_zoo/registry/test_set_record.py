"""What a run keeps so that people can look at single test images later, without the dataset.

Predictions go with every run; the images, the same for all runs on one dataset, with the first
run on it, which carries the tag ``test_images``.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from model_zoo.data.dataset import Images
from model_zoo.data.pixels import Pixels, chunks_of
from model_zoo.files import complete_or_absent
from model_zoo.registry.run_files import find_runs
from model_zoo.registry.store import Store

IMAGES_TAG = "test_images"
IMAGES_FILE = "data/test_images.npz"
DIGEST_BYTES = 16  # of an image: no two are alike by chance
KEPT_BYTES = 100 * 2**20  # 2,000 photographs of 128 pixels
PREDICTIONS_FILE = "evaluation/test_predictions.npz"


def write_predictions(path: Path, calibrated: np.ndarray, test: Images) -> Path:
    """Write ``predicted`` int32 (N,), ``labels`` int32 (N,), ``probabilities`` float16 (N, c),
    and ``digests`` uint8 (N, 16), by which an image is known in another version's test set.

    Args:
        calibrated: float (N, classes).
    """
    with complete_or_absent(path) as partial:
        np.savez_compressed(
            partial,
            predicted=calibrated.argmax(axis=1).astype(np.int32),
            labels=test.labels.astype(np.int32),
            probabilities=calibrated.astype(np.float16),
            digests=digests_of(test.images),
        )
    return path


def digests_of(images: Pixels) -> np.ndarray:
    """The first half of each image's SHA-256, uint8 (N, 16)."""
    found = [
        hashlib.sha256(np.ascontiguousarray(one).data).digest()[:DIGEST_BYTES]
        for part in chunks_of(images)
        for one in part
    ]
    return np.frombuffer(b"".join(found), np.uint8).reshape(-1, DIGEST_BYTES)


def log_test_images(store: Store, folder: Path, digest: str, test: Images) -> None:
    """Log the test images to the active run, unless a run on the same dataset has them.

    Of many images the first ones, ``KEPT_BYTES`` of pixels.
    """
    import mlflow

    if find_runs(store, IMAGES_TAG, digest):
        return
    path = folder / "test_images.npz"
    with complete_or_absent(path) as partial:
        count = max(1, KEPT_BYTES // int(np.prod(test.images.shape[1:])))
        np.savez_compressed(partial, images=test.images[:count], labels=test.labels[:count])
    mlflow.log_artifact(str(path), str(Path(IMAGES_FILE).parent))
    mlflow.set_tag(IMAGES_TAG, digest)  # only now: a run with the tag has the file
    path.unlink()
