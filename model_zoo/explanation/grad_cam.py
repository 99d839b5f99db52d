"""Grad-CAM as outputs of the model itself: one forward pass, exported with it."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from model_zoo.classifier import AUGMENTATION, TRUNK

if TYPE_CHECKING:
    import keras

OUTPUTS = ("probabilities", "heatmap", "heatmaps")


def explained(model: keras.Model) -> keras.Model:
    """The classifier's own layers without the random ones, with Grad-CAM beside its answer.

    Operations of random layers exist in no exchange format, and at inference they do nothing.

    Returns:
        uint8 (N, H, W) or (N, H, W, 3) -> a dict of float32 ``probabilities`` (N, classes),
        ``heatmap`` (N, h, w) of the most likely class and ``heatmaps`` (N, classes, h, w) of every
        class, where (h, w) is the size of the backbone's feature map.
    """
    import keras

    outputs: dict[str, Any] = {}

    def call(layer: Any, *inputs: Any, **options: Any) -> Any:
        if layer.name in AUGMENTATION:
            output = inputs[0]
        else:
            # Said to each layer: image layers such as Resizing are "training" unless told
            # otherwise, and then so is, without a word, every batch normalisation after them.
            if "training" in inspect.signature(layer.call).parameters:
                options["training"] = False
            output = layer(*inputs, **options)
        outputs[layer.name] = output
        return output

    copy = keras.models.clone_model(model, clone_function=lambda layer: layer, call_function=call)
    probabilities = outputs["probabilities"]
    heatmaps = _heatmaps_layer(model)(outputs[TRUNK], outputs["dense_1"], outputs["dense_2"])
    heatmap = _top_class_layer()(probabilities, heatmaps)
    named = {"probabilities": probabilities, "heatmap": heatmap, "heatmaps": heatmaps}
    return keras.Model(copy.input, named, name=model.name)


def _heatmaps_layer(model: keras.Model) -> keras.Layer:
    """The closed form of Grad-CAM (Selvaraju et al. 2017, arXiv:1610.02391) for our head.

    With global average pooling and dense layers the gradient of a logit with respect to the
    feature map is constant over space, so it needs no second pass: f features (N, h, w, c), g
    their mean over space, z1 = W1 g + b1, z2 = W2 relu(z1) + b2, logits = W3 relu(z2) + b3. For
    the class k: g2 = W3[:, k] * (z2 > 0), g1 = (W2 g2) * (z1 > 0), a = W1 g1 / (h w) and
    heatmap = relu(sum_c a_c f_c). All classes together are a few million multiply-adds.
    """
    import keras
    from keras import ops

    head = [model.get_layer(name) for name in ("dense_1", "dense_2", "logits")]

    class Heatmaps(keras.Layer):
        def call(self, features, relu_1, relu_2):  # type: ignore[no-untyped-def]
            w1, w2, w3 = (ops.cast(layer.kernel, "float32") for layer in head)
            height, width, channels = features.shape[1:]
            passed_1 = ops.expand_dims(ops.cast(relu_1 > 0, "float32"), 1)
            passed_2 = ops.expand_dims(ops.cast(relu_2 > 0, "float32"), 1)
            slope_2 = ops.expand_dims(ops.transpose(w3), 0) * passed_2  # (N, classes, dense_2)
            slope_1 = ops.matmul(slope_2, ops.transpose(w2)) * passed_1
            weights = ops.matmul(slope_1, ops.transpose(w1)) / (height * width)
            flat = ops.transpose(ops.reshape(features, (-1, height * width, channels)), (0, 2, 1))
            maps = ops.relu(ops.matmul(weights, flat))
            return ops.reshape(maps, (-1, maps.shape[1], height, width))

    return Heatmaps(name="heatmaps", dtype="float32")


def _top_class_layer() -> keras.Layer:
    import keras
    from keras import ops

    class TopClass(keras.Layer):
        def call(self, probabilities, heatmaps):  # type: ignore[no-untyped-def]
            # argmax exports to a file that ONNX Runtime refuses; comparing with max does not.
            # Classes that tie to the last bit share the map.
            best = ops.max(probabilities, axis=1, keepdims=True)
            chosen = ops.cast(ops.equal(probabilities, best), "float32")
            chosen = chosen / ops.sum(chosen, axis=1, keepdims=True)
            chosen = ops.expand_dims(ops.expand_dims(chosen, -1), -1)
            return ops.sum(heatmaps * chosen, axis=1)

    return TopClass(name="heatmap", dtype="float32")
