"""Grad-CAM as outputs of the model itself: one forward pass, exported with it."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from model_zoo.classifier import AUGMENTATION, POOL, TRUNK
from model_zoo.settings.export import EVERY_CLASS, TOP_CLASSES

if TYPE_CHECKING:
    import keras

OUTPUTS = ("probabilities", "embedding", "heatmap", "heatmaps", "explained")


def explained(model: keras.Model, most: int | None = None) -> keras.Model:
    """The classifier's own layers without the random ones, with Grad-CAM beside its answer.

    Operations of random layers exist in no exchange format, and at inference they do nothing.

    Args:
        most: classes that are explained; None: all of up to :data:`EVERY_CLASS`, of more the
            :data:`TOP_CLASSES` most likely ones.

    Returns:
        uint8 (N, H, W) or (N, H, W, 3) -> a dict of float32 ``probabilities`` (N, classes),
        ``embedding`` (N, c), the pooled features, ``heatmap`` (N, h, w) of the most likely class,
        ``heatmaps`` (N, k, h, w) of the k most likely ones, the first of all first, where (h, w) is
        the size of the backbone's feature map, and int32 ``explained`` (N, k), which classes these
        are.
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
    classes = probabilities.shape[-1]
    chosen = _top_classes_layer(most or (classes if classes <= EVERY_CLASS else TOP_CLASSES))(
        probabilities
    )
    relus = outputs["dense_1"], outputs["dense_2"]
    heatmaps = _heatmaps_layer(model)(outputs[TRUNK], *relus, chosen)
    # A layer that leaves a node in the file: were the pooled value itself an output, tf2onnx would
    # write it in one way or another by the order of a set, so by the process's hash seed.
    embedding = keras.layers.Reshape(outputs[POOL].shape[1:], name="embedding", dtype="float32")(
        outputs[POOL]
    )
    named = {
        "probabilities": probabilities,
        "embedding": embedding,
        "heatmap": _first_layer()(heatmaps),
        "heatmaps": heatmaps,
        "explained": chosen,
    }
    return keras.Model(copy.input, named, name=model.name)


def _heatmaps_layer(model: keras.Model) -> keras.Layer:
    """The closed form of Grad-CAM (Selvaraju et al. 2017, arXiv:1610.02391) for our head.

    With global average pooling and dense layers the gradient of a logit with respect to the
    feature map is constant over space, so it needs no second pass: f features (N, h, w, c), g
    their mean over space, z1 = W1 g + b1, z2 = W2 relu(z1) + b2, logits = W3 relu(z2) + b3. For
    the class k: g2 = W3[:, k] * (z2 > 0), g1 = (W2 g2) * (z1 > 0), a = W1 g1 / (h w) and
    heatmap = relu(sum_c a_c f_c). A class costs dense_2 * dense_1 + c * (dense_1 + h w)
    multiply-adds, so of many only those are computed that are wanted.
    """
    import keras
    from keras import ops

    head = [model.get_layer(name) for name in ("dense_1", "dense_2", "logits")]

    class Heatmaps(keras.Layer):
        def call(self, features, relu_1, relu_2, chosen):  # type: ignore[no-untyped-def]
            w1, w2, w3 = (ops.cast(layer.kernel, "float32") for layer in head)
            height, width, channels = features.shape[1:]
            passed_1 = ops.expand_dims(ops.cast(relu_1 > 0, "float32"), 1)
            passed_2 = ops.expand_dims(ops.cast(relu_2 > 0, "float32"), 1)
            slope_2 = ops.take(ops.transpose(w3), chosen, axis=0) * passed_2  # (N, k, dense_2)
            slope_1 = ops.matmul(slope_2, ops.transpose(w2)) * passed_1
            weights = ops.matmul(slope_1, ops.transpose(w1)) / (height * width)
            flat = ops.transpose(ops.reshape(features, (-1, height * width, channels)), (0, 2, 1))
            maps = ops.relu(ops.matmul(weights, flat))
            return ops.reshape(maps, (-1, maps.shape[1], height, width))

    return Heatmaps(name="heatmaps", dtype="float32")


def _top_classes_layer(count: int) -> keras.Layer:
    import keras
    from keras import ops

    class TopClasses(keras.Layer):
        def call(self, probabilities):  # type: ignore[no-untyped-def]
            return ops.cast(ops.top_k(probabilities, count)[1], "int32")

    return TopClasses(name="explained", dtype="float32")


def _first_layer() -> keras.Layer:
    import keras

    class First(keras.Layer):
        def call(self, heatmaps):  # type: ignore[no-untyped-def]
            return heatmaps[:, 0]

    return First(name="heatmap", dtype="float32")
