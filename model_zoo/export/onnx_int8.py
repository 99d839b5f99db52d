"""The ONNX file in 8 bits: a quarter of the size, about twice as fast where the CPU has VNNI.

Static quantisation by ONNX Runtime's own tool: weights by channel, activations by the ranges that
training images give them
(https://onnxruntime.ai/docs/performance/model-optimizations/quantization.html).
"""

from __future__ import annotations

import logging
import tempfile
from pathlib import Path

import numpy as np

from model_zoo.export.check import Expected, Tolerance, check
from model_zoo.files import complete_or_absent
from model_zoo.predictor.session import open_session
from model_zoo.progress import Say, part
from model_zoo.registry.format_report import FormatReport

NAME = "onnx-int8"
# With additions and pooling in 8 bits too, a residual block needs no conversions in between:
# convolutions alone lost more accuracy and were no faster.
QUANTISED = ["Conv", "MatMul", "Add", "GlobalAveragePool", "MaxPool"]


def export_onnx_int8(
    source: Path,
    path: Path,
    calibration: np.ndarray,
    expected: Expected,
    accuracy_loss: float,
    say: Say = print,
) -> FormatReport:
    """Quantise the ONNX file ``source`` into ``path``; deleted again if outside its tolerance.

    Args:
        calibration: uint8 (N, h, w[, 3]) training images, from which activations learn ranges.
        accuracy_loss: test accuracy that it may lose, 0..1.
    """
    with part(say, f"converting to {NAME}"):
        quantise(source, path, calibration)
    session, _ = open_session(path)

    def predict(images: np.ndarray) -> np.ndarray:
        return np.asarray(session.run(["probabilities"], {"image": images})[0])

    tolerance = Tolerance(difference=None, agreement=0.9, accuracy_loss=accuracy_loss)
    report = check(NAME, path, predict, expected, tolerance, say)
    if not report.attached:
        path.unlink()
    return report


def quantise(source: Path, path: Path, calibration: np.ndarray) -> None:
    """Write ``path``, complete or not at all; arguments as above."""
    import onnx
    from onnxruntime.quantization import CalibrationDataReader, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Reader(CalibrationDataReader):
        def __init__(self) -> None:
            self.images = iter(calibration)

        def get_next(self) -> dict[str, np.ndarray] | None:
            image = next(self.images, None)
            return None if image is None else {"image": image[None]}

    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.ERROR)  # the tool logs to the root logger what it then does itself
    try:
        with tempfile.TemporaryDirectory() as folder, complete_or_absent(path) as partial:
            prepared = Path(folder) / "prepared.onnx"
            quant_pre_process(source, prepared, skip_symbolic_shape=True)
            quantize_static(
                prepared,
                partial,
                Reader(),
                per_channel=True,
                activation_type=QuantType.QUInt8,
                weight_type=QuantType.QInt8,
                op_types_to_quantize=QUANTISED,
            )
            onnx.checker.check_model(partial)
    finally:
        root.setLevel(level)
