"""Measure a trained classifier: temperature on images held out for it, all else on the test set."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from model_zoo.data.dataset import Dataset, Images
from model_zoo.data.pixels import Pixels
from model_zoo.progress import Say, part

PREDICT_BATCH = 250
PREDICT_BYTES = 64 * 2**20  # of images in memory at once


@dataclass(frozen=True)
class Measured:
    """What one pass over the test set gives.

    Attributes:
        facts: JSON-able: what ``metrics.score`` gives, after temperature scaling, and
            ``calibration_error_raw`` before it, ``temperature``, ``statistics`` of the training
            images.
        raw, calibrated: probabilities float (N, classes) of the test images.
    """

    facts: dict[str, Any]
    raw: np.ndarray
    calibrated: np.ndarray


def measure(
    path: Path,
    dataset: Dataset,
    training: Images,
    calibration: Images,
    test: Images,
    say: Say = print,
) -> Measured:
    """Load the ``.keras`` file and measure it.

    Args:
        calibration: images by which nothing else was chosen; the temperature is fitted on them.
    """
    with part(say, "starting Keras"):
        import keras

    from model_zoo.evaluation.calibration import apply_temperature, fit_temperature
    from model_zoo.evaluation.metrics import expected_calibration_error, score
    from model_zoo.images.statistics import summarise
    from model_zoo.training.batches import in_batches
    from model_zoo.training.counted_batches import counted
    from model_zoo.training.faster_network import faster_in_inference

    asked = len(calibration) + len(test)
    model = faster_in_inference(keras.models.load_model(path, compile=False), asked)
    batches = max(1, PREDICT_BYTES // (PREDICT_BATCH * int(np.prod(dataset.array_shape))))
    rows = batches * PREDICT_BATCH

    def predict(images: Pixels, what: str) -> np.ndarray:
        found = []
        with part(say, what, len(images)) as work:
            for start in range(0, len(images), rows):
                given = in_batches(images[start : start + rows], None, PREDICT_BATCH)
                seen = [counted(work, PREDICT_BATCH)]
                found.append(np.asarray(model.predict(**given, callbacks=seen, verbose=0)))
        return np.concatenate(found)

    answers = predict(calibration.images, "predicting calibration images")
    temperature = fit_temperature(answers, calibration.labels)
    raw = predict(test.images, "predicting test images")
    calibrated = apply_temperature(raw, temperature)
    facts = score(calibrated, test.labels, dataset.labels)
    facts["calibration_error_raw"] = expected_calibration_error(
        raw.max(axis=1), raw.argmax(axis=1) == test.labels
    )
    facts["temperature"] = temperature
    facts["statistics"] = summarise(training.images, dataset.statistics)
    return Measured(facts, raw, calibrated)
