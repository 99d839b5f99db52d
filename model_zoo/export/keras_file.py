"""The Keras file: for further training, under any backend that has the same layers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from model_zoo.errors import UserError
from model_zoo.export.check import SAME_PRECISION, Expected, check
from model_zoo.files import complete_or_absent
from model_zoo.registry.format_report import FormatReport

if TYPE_CHECKING:
    import keras


def export_keras(model: keras.Model, path: Path, expected: Expected) -> FormatReport:
    """Write ``path`` from a model that was loaded without its optimiser, and load it again.

    Training leaves Adam's two averages a weight in its own file, three times the size: a version
    has no use for them.

    Raises:
        UserError: the file differs from the model that was evaluated.
    """
    import keras

    with complete_or_absent(path) as partial:
        model.save(partial)
    loaded = keras.models.load_model(path)
    report = check(
        "keras", path, lambda images: loaded.predict(images, verbose=0), expected, SAME_PRECISION
    )
    if not report.attached:
        raise UserError(f"the Keras file of {model.name} {report.reason}")
    return replace(report, accuracy=expected.accuracy)
