"""Every file of a version: each format that the settings ask for, and what describes them."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from model_zoo.config import OPTIONAL_FORMATS, Settings
from model_zoo.data.dataset import Dataset, Images
from model_zoo.export.check import COMPARED, Expected, Report
from model_zoo.export.keras_file import export_keras
from model_zoo.export.litert import LITERT, export_litert
from model_zoo.export.onnx import export_onnx
from model_zoo.export.onnx_int8 import NAME as ONNX_INT8
from model_zoo.export.onnx_int8 import export_onnx_int8
from model_zoo.files import write_json
from model_zoo.images import png
from model_zoo.registry.served_files import FACTS, FORMATS, KERAS, MODEL, sha256


def export_files(
    settings: Settings,
    dataset: Dataset,
    folder: Path,
    measured: dict[str, Any],
    predicted: np.ndarray,
    training: Images,
    test: Images,
    say: Callable[[str], None],
) -> list[Report]:
    """Write every format and ``classifier.json`` into ``served/`` of a run's folder.

    Args:
        predicted: the evaluated model's top class for each test image.
        training: its first images calibrate int8.
        test: every file must agree with Keras on it; one image a class goes along as example.

    Raises:
        UserError: the ONNX file, which is what is served, or the Keras file is outside its
            tolerance.
    """
    import keras

    from model_zoo.explanation.grad_cam import explained

    served = folder / "served"
    model = keras.models.load_model(folder / KERAS, compile=False)
    probabilities = model.predict(test.images[:COMPARED], verbose=0)
    expected = Expected(test, probabilities, predicted)
    with_heatmaps = explained(model)
    calibration = training.images[: settings.calibration_images]
    for name in OPTIONAL_FORMATS:
        (served / FORMATS[name]).unlink(missing_ok=True)  # what an earlier try left
    reports = [export_onnx(with_heatmaps, served / MODEL, expected)]
    say(f"onnx: attached, differs from Keras by {reports[0].largest_difference:.1g}")
    if ONNX_INT8 in settings.formats:
        loss = settings.onnx_int8_accuracy_loss
        path = served / FORMATS[ONNX_INT8]
        reports.append(export_onnx_int8(served / MODEL, path, calibration, expected, loss))
        say(reports[-1].sentence)
    reports += [
        *export_litert(
            with_heatmaps,
            served,
            tuple(name for name in LITERT if name in settings.formats),
            calibration,
            expected,
            settings.int8_accuracy_loss,
            say,
        ),
        *(
            Report(name, FORMATS[name], False, "left out by the setting export_formats")
            for name in OPTIONAL_FORMATS
            if name not in settings.formats
        ),
        export_keras(model, served / KERAS, expected),
    ]
    write_json(served / FACTS, _facts(settings, dataset, served, measured, test, reports))
    return reports


def _facts(
    settings: Settings,
    dataset: Dataset,
    served: Path,
    measured: dict[str, Any],
    test: Images,
    reports: list[Report],
) -> dict[str, Any]:
    return {
        "labels": list(dataset.labels),
        "image_shape": list(dataset.image_shape),
        "dataset": dataset.name,
        "backbone": settings.backbone,
        "weights": settings.weights,
        "temperature": measured["temperature"],
        "polarity": "light-on-dark",
        "image_statistics": measured["image_statistics"],
        "formats": [report.as_dict() for report in reports],
        "sha256": {one.file: sha256(served / one.file) for one in reports if one.attached},
        "examples": [
            {"label": label, "png": base64.b64encode(png(_first(test, i))).decode()}
            for i, label in enumerate(dataset.labels)
        ],
    }


def _first(images: Images, label: int) -> np.ndarray:
    return np.asarray(images.images[int((images.labels == label).argmax())])
