"""A format that a version was registered without, made from its Keras file when somebody asks.

A demo, or a project whose users predict over HTTP, need not wait for files that nobody fetches.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from model_zoo.data.dataset import Images
from model_zoo.data.pixels import chunks_of
from model_zoo.errors import UserError
from model_zoo.export.check import BATCH, COMPARED, Expected
from model_zoo.export.litert import export_litert
from model_zoo.export.onnx_int8 import NAME as ONNX_INT8
from model_zoo.export.onnx_int8 import export_onnx_int8
from model_zoo.registry.format_report import FormatReport
from model_zoo.registry.served_files import FORMATS, KERAS, MODEL, sha256
from model_zoo.settings import ExportSettings


def make_formats(
    names: tuple[str, ...],
    folder: Path,
    facts: dict[str, Any],
    settings: ExportSettings,
    training: Images,
    test: Images,
    say: Callable[[str], None],
) -> dict[str, Any]:
    """Write each format into ``folder``, checked as at registration; returns facts that name them.

    Args:
        folder: holds ``model.keras`` and ``model.onnx`` of the version.
        facts: the version's ``classifier.json``.
        training: its first images calibrate int8.
        test: every file must agree with Keras on them.

    Raises:
        UserError: a file is outside its tolerance; says which and by how much.
    """
    import keras

    from model_zoo.explanation.grad_cam import explained

    model = keras.models.load_model(folder / KERAS, compile=False)
    found = [model.predict(some, batch_size=BATCH, verbose=0) for some in chunks_of(test.images)]
    probabilities = np.concatenate(found)
    expected = Expected(test, probabilities[:COMPARED], probabilities.argmax(axis=1))
    calibration = np.asarray(training.images[: settings.calibration_images])
    reports: list[FormatReport] = []
    if ONNX_INT8 in names:
        target, loss = folder / FORMATS[ONNX_INT8], settings.onnx_int8_accuracy_loss
        reports.append(export_onnx_int8(folder / MODEL, target, calibration, expected, loss))
    litert = tuple(name for name in names if name != ONNX_INT8)
    loss = settings.litert_int8_accuracy_loss
    whole = explained(model)
    reports += export_litert(whole, folder, litert, calibration, expected, loss, say)
    for report in reports:
        if not report.attached:
            raise UserError(f"{report.format} is not written: {report.reason}")
    made = {report.format: report.as_dict() for report in reports}
    digests = {report.file: sha256(folder / report.file) for report in reports}
    rows = [made.get(row["format"], row) for row in facts["formats"]]
    return facts | {"formats": rows, "sha256": facts["sha256"] | digests}
