"""Every file of a version: each format that the project asks for, and what describes them."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from model_zoo.data.dataset import Dataset, Images
from model_zoo.export.check import COMPARED, Expected
from model_zoo.export.keras_file import export_keras
from model_zoo.export.litert import LITERT, export_litert
from model_zoo.export.onnx import export_onnx
from model_zoo.export.onnx_int8 import NAME as ONNX_INT8
from model_zoo.export.onnx_int8 import export_onnx_int8
from model_zoo.files import write_json
from model_zoo.images import png
from model_zoo.progress import Work, part
from model_zoo.registry.format_report import LEFT_OUT, FormatReport
from model_zoo.registry.served_files import FACTS, FORMATS, KERAS, MODEL, sha256
from model_zoo.settings import OPTIONAL_FORMATS, ExportSettings, Project

MOST_EXAMPLES = 40  # pictures in `classifier.json`, one a class


def export_files(
    project: Project,
    dataset: Dataset,
    folder: Path,
    measured: dict[str, Any],
    predicted: np.ndarray,
    training: Images,
    test: Images,
    say: Callable[[str], None],
) -> list[FormatReport]:
    """Write every format and ``classifier.json`` into ``served/`` of a run's folder.

    Args:
        measured: what the evaluation found; its temperature and the statistics go along.
        predicted: the evaluated model's top class for each test image.
        training: its first images calibrate int8.
        test: every file must agree with Keras on it; one image a class goes along as example.

    Raises:
        UserError: the ONNX file, which is what is served, or the Keras file is outside its
            tolerance.
    """
    with part(say, "starting Keras"):
        import keras

    from model_zoo.explanation.grad_cam import explained

    served = folder / "served"
    for name in OPTIONAL_FORMATS:
        (served / FORMATS[name]).unlink(missing_ok=True)  # what an earlier try left
    model = keras.models.load_model(folder / KERAS, compile=False)
    probabilities = model.predict(test.images[:COMPARED], verbose=0)
    expected = Expected(test, probabilities, predicted)
    with_heatmaps = explained(model)
    with part(say, "export", 2 + len(project.export.formats), "formats") as work:
        with part(say, "converting to onnx"):
            reports = [export_onnx(with_heatmaps, served / MODEL, expected)]
        say(f"onnx: attached, differs from Keras by {reports[0].largest_difference:.1g}")
        work.advance()
        calibration = training.images[: project.export.calibration_images]
        reports += _optional(
            project.export, with_heatmaps, served, calibration, expected, say, work
        )
        with part(say, "writing the Keras file"):
            reports.append(export_keras(model, served / KERAS, expected))
    write_json(served / FACTS, _facts(project, dataset, served, measured, test, reports))
    return reports


def _optional(
    wanted: ExportSettings,
    explained: Any,
    served: Path,
    calibration: np.ndarray,
    expected: Expected,
    say: Callable[[str], None],
    work: Work,
) -> list[FormatReport]:
    """The formats that a project may leave out; those that it does are reported too."""
    reports = []
    if ONNX_INT8 in wanted.formats:
        loss = wanted.onnx_int8_accuracy_loss
        path = served / FORMATS[ONNX_INT8]
        reports.append(export_onnx_int8(served / MODEL, path, calibration, expected, loss, say))
        say(reports[-1].sentence)
        work.advance()
    litert = tuple(name for name in LITERT if name in wanted.formats)
    loss = wanted.litert_int8_accuracy_loss
    reports += export_litert(explained, served, litert, calibration, expected, loss, say)
    work.advance(len(litert))
    reports += [
        FormatReport(name, FORMATS[name], False, LEFT_OUT)
        for name in OPTIONAL_FORMATS
        if name not in wanted.formats
    ]
    return reports


def _facts(
    project: Project,
    dataset: Dataset,
    served: Path,
    measured: dict[str, Any],
    test: Images,
    reports: list[FormatReport],
) -> dict[str, Any]:
    return {
        "project": project.name,
        "labels": list(dataset.labels),
        "image_shape": list(dataset.image_shape),
        "preparation": list(dataset.preparation),
        "statistics": measured["statistics"],
        "generated": dataset.generated,
        "dataset": dataset.name,
        "dataset_digest": dataset.snapshot,
        "backbone": project.model.backbone,
        "weights": project.model.weights,
        "temperature": measured["temperature"],
        "formats": [report.as_dict() for report in reports],
        "sha256": {one.file: sha256(served / one.file) for one in reports if one.attached},
        "examples": _examples(dataset.labels, test),
    }


def _examples(labels: tuple[str, ...], test: Images) -> list[dict[str, str]]:
    """The first test image of each class that has one."""
    examples = []
    for number, label in enumerate(labels[:MOST_EXAMPLES]):
        members = np.flatnonzero(test.labels == number)
        if len(members):
            content = png(np.asarray(test.images[members[0]]))
            examples.append({"label": label, "png": base64.b64encode(content).decode()})
    return examples
