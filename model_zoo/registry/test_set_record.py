"""What a run keeps so that people can look at single test images later, without the dataset.

Predictions go with every run; the images, the same for all runs on one dataset, with the first
run on it, which carries the tag ``test_images``.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from model_zoo.data.dataset import Images
from model_zoo.files import complete_or_absent
from model_zoo.registry.run_files import find_runs
from model_zoo.registry.store import Store

IMAGES_TAG = "test_images"
IMAGES_FILE = "data/test_images.npz"
KEPT_BYTES = 100 * 2**20  # 2,000 photographs of 128 pixels
PREDICTIONS_FILE = "evaluation/test_predictions.npz"


def write_predictions(path: Path, calibrated: np.ndarray, labels: np.ndarray) -> Path:
    """Write ``predicted`` int32 (N,), ``labels`` int32 (N,), ``probabilities`` float16 (N, c).

    Args:
        calibrated: float (N, classes).
        labels: true classes (N,).
    """
    with complete_or_absent(path) as partial:
        np.savez_compressed(
            partial,
            predicted=calibrated.argmax(axis=1).astype(np.int32),
            labels=labels.astype(np.int32),
            probabilities=calibrated.astype(np.float16),
        )
    return path


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
