"""The ONNX file: what is served. A version without it is not registered."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from model_zoo.errors import UserError
from model_zoo.explanation.grad_cam import OUTPUTS
from model_zoo.export.canonical import make_regular
from model_zoo.export.check import SAME_PRECISION, Expected, check
from model_zoo.files import complete_or_absent
from model_zoo.registry.format_report import FormatReport

if TYPE_CHECKING:
    import keras


#: Part of the explained classes that must be Keras' own; the rest are all but equally likely.
LEAST_EXPLAINED = 0.95
#: Part of the heatmaps that must be Keras' own: where a unit of the head is all but zero, rounding
#: decides whether it passes, and with it a share of the heatmap.
LEAST_ALIKE = 0.95


def export_onnx(explained: keras.Model, path: Path, expected: Expected) -> FormatReport:
    """Write ``path`` with the outputs of :func:`.grad_cam.explained`, and run it.

    Raises:
        UserError: the file does not load, or differs from the Keras model by more than rounding,
            in a probability or in a heatmap.
    """
    import onnx
    import onnxruntime

    # Keras exports only a model that has been called.
    explained(expected.compared[:1], training=False)
    with complete_or_absent(path) as partial:
        explained.export(partial, format="onnx", verbose=False)
        # MLflow writes the file anew by onnx.save: written the same way here, it keeps its digest.
        model = onnx.load(partial)
        make_regular(model)
        onnx.save_model(model, partial)
        session = onnxruntime.InferenceSession(partial, providers=["CPUExecutionProvider"])
        outputs = {output.name for output in session.get_outputs()}
        if outputs != set(OUTPUTS):
            raise UserError(
                f"the ONNX file of {explained.name} has the outputs {sorted(outputs)}; expected "
                f"{', '.join(OUTPUTS)}"
            )
        name = session.get_inputs()[0].name

        def predict(images: np.ndarray) -> np.ndarray:
            return np.asarray(session.run(["probabilities"], {name: images})[0])

        report = check("onnx", partial, predict, expected, SAME_PRECISION)
        if not report.attached:
            raise UserError(f"the ONNX file of {explained.name} {report.reason}")
        _check_heatmaps(
            explained, session.run(["heatmaps", "explained"], {name: expected.compared}), expected
        )
    return FormatReport(**report.as_dict() | {"file": path.name})


def _check_heatmaps(
    explained: keras.Model, received: Sequence[np.ndarray], expected: Expected
) -> None:
    """Heatmaps have no scale of their own: they may differ by a thousandth of the largest.

    Class by class: of two that are all but equally likely, either may be the last that is
    explained.
    """
    made = explained.predict(expected.compared, verbose=0)
    wanted, whose = np.asarray(made["heatmaps"]), np.asarray(made["explained"])
    heatmaps, theirs = received
    same = whose[:, :, None] == theirs[:, None, :]
    image, ours_at, theirs_at = np.nonzero(same)
    if not same.any(axis=2).mean() >= LEAST_EXPLAINED:
        raise UserError(
            f"the ONNX file of {explained.name} explains other classes than Keras in "
            f"{1 - same.any(axis=2).mean():.1%} of the heatmaps"
        )
    differences = np.abs(heatmaps[image, theirs_at] - wanted[image, ours_at]).max(axis=(1, 2))
    difference, allowed = float(differences.max()), 1e-3 * max(float(np.abs(wanted).max()), 1e-6)
    if not (differences <= allowed).mean() >= LEAST_ALIKE:
        raise UserError(
            f"the ONNX file of {explained.name} differs from Keras by {difference:.2g} in a "
            f"heatmap, {allowed:.2g} allowed"
        )
