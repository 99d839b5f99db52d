"""LiteRT (formerly TensorFlow Lite) files for phones and small devices, in three precisions.

The conversion needs TensorFlow, whichever backend trained the model; running a file needs only
``ai-edge-litert``. TensorFlow's converter imports a top-level module called ``litert`` if there is
one, so nothing of that name may lie on the path.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from model_zoo.errors import UserError
from model_zoo.export.check import (
    SAME_PRECISION,
    Expected,
    FormatReport,
    Predict,
    Tolerance,
    check,
)
from model_zoo.files import complete_or_absent
from model_zoo.processor import usable_cores
from model_zoo.progress import part
from model_zoo.registry.served_files import FORMATS
from model_zoo.settings import OPTIONAL_FORMATS

if TYPE_CHECKING:
    import keras

LITERT = tuple(name for name in OPTIONAL_FORMATS if name.startswith("litert-"))


def tolerance_of(name: str, int8_accuracy_loss: float) -> Tolerance:
    """float16 keeps 11 bits of a weight; int8 moves close calls, so accuracy decides there."""
    if name == "litert-float32":
        return SAME_PRECISION
    if name == "litert-float16":
        return Tolerance(difference=0.05, agreement=0.99, accuracy_loss=0.002)
    return Tolerance(difference=None, agreement=0.9, accuracy_loss=int8_accuracy_loss)


def export_litert(
    explained: keras.Model,
    folder: Path,
    names: tuple[str, ...],
    calibration: np.ndarray,
    expected: Expected,
    int8_accuracy_loss: float,
    say: Callable[[str], None],
) -> list[FormatReport]:
    """Convert to each of ``names``; a file outside its tolerance is deleted and reported.

    Args:
        calibration: uint8 (N, h, w[, 3]) training images, from which int8 learns its ranges.
    """
    if not names:
        return []
    import tensorflow as tf

    reports = []
    with tempfile.TemporaryDirectory() as saved_model:
        # One SavedModel for all three: writing it takes as long as converting it.
        with part(say, "writing the SavedModel for LiteRT"):
            explained.export(saved_model, format="tf_saved_model", verbose=False)
        for name in names:
            path = folder / FORMATS[name]
            converter = tf.lite.TFLiteConverter.from_saved_model(saved_model)
            _set_precision(converter, name, calibration)
            with part(say, f"converting to {name}"), complete_or_absent(path) as partial:
                partial.write_bytes(converter.convert())
            report = check(
                name,
                path,
                open_litert(path, usable_cores()),
                expected,
                tolerance_of(name, int8_accuracy_loss),
                say,
            )
            if not report.attached:
                path.unlink()
            say(report.sentence)
            reports.append(report)
    return reports


def _set_precision(converter: Any, name: str, calibration: np.ndarray) -> None:
    import tensorflow as tf

    if name == "litert-float32":
        return
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if name == "litert-float16":
        converter.target_spec.supported_types = [tf.float16]
        return

    def representative() -> Iterator[list[np.ndarray]]:
        for image in calibration:
            yield [image[None]]

    converter.representative_dataset = representative


def open_litert(path: Path, threads: int | None = None) -> Predict:
    """From uint8 (N, h, w[, 3]) to probabilities float32 (N, classes), by a LiteRT file.

    Raises:
        UserError: the file is not one that the runtime reads.
    """
    from ai_edge_litert.interpreter import Interpreter

    try:
        run = Interpreter(str(path), num_threads=threads).get_signature_runner()
    except (ValueError, RuntimeError) as error:
        reason = str(error).strip().splitlines()[0]
        raise UserError(f"{path} is no file that LiteRT reads ({reason})") from None
    (name,) = run.get_input_details()

    def predict(images: np.ndarray) -> np.ndarray:
        return np.asarray(run(**{name: images})["probabilities"])

    return predict
