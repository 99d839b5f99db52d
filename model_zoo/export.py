"""Export of a trained classifier to ONNX, checked against the Keras model before it is kept."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from model_zoo.classifier import AUGMENTATION, TRUNK
from model_zoo.errors import UserError
from model_zoo.files import complete_or_absent

if TYPE_CHECKING:
    import keras

# tf2onnx folds batch normalisation into convolutions; the rest is rounding in another order.
TOLERANCE = 1e-3


def served_model(model: keras.Model) -> keras.Model:
    """The same layers without the random ones, and with Grad-CAM as a second output.

    Operations of random layers exist in no exchange format. With global average pooling and dense
    layers the gradient of a logit with respect to the feature map is constant over space and has
    a closed form, so the map of Selvaraju et al. (2017, arXiv:1610.02391) needs no second pass:
    f features (N, h, w, c), g its mean over space, z1 = W1 g + b1, z2 = W2 relu(z1) + b2, t the
    one-hot row of the predicted class; g2 = (t W3^T) * (z2 > 0), g1 = (g2 W2^T) * (z1 > 0),
    a = g1 W1^T / (h w), heatmap = relu(sum_c a_c f_c).

    Returns:
        uint8 (N, H, W) -> probabilities float32 (N, classes), heatmap float32 (N, h, w).
    """
    import keras

    outputs: dict[str, Any] = {}

    def call(layer: Any, *inputs: Any, **options: Any) -> Any:
        output = inputs[0] if layer.name in AUGMENTATION else layer(*inputs, **options)
        outputs[layer.name] = output
        return output

    copy = keras.models.clone_model(model, clone_function=lambda layer: layer, call_function=call)
    probabilities = outputs["probabilities"]
    heatmap = _grad_cam_layer(model)(
        outputs[TRUNK], outputs["dense_1"], outputs["dense_2"], probabilities
    )
    return keras.Model(
        copy.input, {"probabilities": probabilities, "heatmap": heatmap}, name=model.name
    )


def _grad_cam_layer(model: keras.Model) -> keras.Layer:
    import keras
    from keras import ops

    w1, w2, w3 = (
        np.asarray(model.get_layer(name).kernel) for name in ("dense_1", "dense_2", "logits")
    )

    class GradCam(keras.Layer):
        """The closed form; the head's kernels are constants of the exported graph."""

        def call(self, features, relu_1, relu_2, probabilities):  # type: ignore[no-untyped-def]
            # argmax exports to a file that ONNX Runtime refuses; comparing with max does not.
            best = ops.max(probabilities, axis=1, keepdims=True)
            one_hot = ops.cast(ops.equal(probabilities, best), "float32")
            slope_2 = ops.matmul(one_hot, w3.T) * ops.cast(relu_2 > 0, "float32")
            slope_1 = ops.matmul(slope_2, w2.T) * ops.cast(relu_1 > 0, "float32")
            height, width = features.shape[1:3]
            weights = ops.matmul(slope_1, w1.T) / (height * width)
            weights = ops.expand_dims(ops.expand_dims(weights, 1), 1)
            return ops.relu(ops.sum(features * weights, axis=-1))

    return GradCam(name="heatmap", dtype="float32")


def export_onnx(model: keras.Model, path: Path, images: np.ndarray) -> float:
    """Write ``path`` with the outputs ``probabilities`` and ``heatmap``, and run it.

    Args:
        images: uint8 (N, h, w) on which the file must agree with the Keras model.

    Returns:
        The largest difference in probability between the file and Keras.

    Raises:
        UserError: the file does not load, or its probabilities differ by more than 0.001.
    """
    import onnxruntime

    explained = served_model(model)
    explained(images[:1])  # Keras exports only a model that has been called
    with complete_or_absent(path) as partial:
        explained.export(partial, format="onnx", verbose=False)
        session = onnxruntime.InferenceSession(partial, providers=["CPUExecutionProvider"])
        outputs = {output.name for output in session.get_outputs()}
        if outputs != {"probabilities", "heatmap"}:
            raise UserError(
                f"the ONNX file of {model.name} has the outputs {sorted(outputs)}; expected "
                "heatmap and probabilities"
            )
        (received,) = session.run(["probabilities"], {session.get_inputs()[0].name: images})
        expected = model.predict(images, verbose=0)
        difference = float(np.abs(np.asarray(received) - expected).max())
        if not difference <= TOLERANCE:
            raise UserError(
                f"the ONNX file of {model.name} differs from the Keras model by {difference:.2g} "
                f"in probability; at most {TOLERANCE} is allowed"
            )
    return difference
