"""Batch normalisation in one operation, where Keras on TensorFlow makes a chain of some ten.

The chain, forwards and backwards, is float32 copies of every activation written and read again: a
third of a small network's step on a CPU (``benchmarks/normalisation.py``). TensorFlow has one
operation for it, which Keras 3 does not use.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from model_zoo.training.precision import computing_in, has_accelerator

if TYPE_CHECKING:
    import keras


def with_fused_normalisation(model: keras.Model) -> keras.Model:
    """The same uncompiled network, with the same weights, computed faster; for training only.

    A finished model is one of Keras' own layers and nothing else: build it anew and give it these
    weights. On an accelerator and on JAX the model is returned as it is: XLA fuses the chain.
    """
    import keras

    if keras.backend.backend() != "tensorflow" or has_accelerator():
        return model
    if not any(_can_be_fused(layer) for layer in _layers_of(model)):
        return model

    def clone(layer: keras.Layer) -> keras.Layer:
        kind = _fused_layer() if _can_be_fused(layer) else type(layer)
        return kind.from_config(layer.get_config())

    with computing_in(model.dtype_policy.name):
        cloned = keras.models.clone_model(model, clone_function=clone, recursive=True)
    cloned.set_weights(model.get_weights())
    return cloned


#: Images from which on it pays to fold: making the other network takes a second.
WORTH_FOLDING = 2000


def with_folded_normalisation(model: keras.Model, images: int) -> keras.Model:
    """The same network for inference alone, normalisation folded into the convolutions before it.

    What it gives differs by rounding (Jacob et al. 2018, arXiv:1712.05877, section 3.2, has the
    arithmetic); exporters do the same. Where that is no gain (few images, an accelerator, JAX), or
    would round more (bfloat16), the model is returned as it is.

    Args:
        images: that it will see.
    """
    import keras

    plain = keras.backend.backend() == "tensorflow" and not has_accelerator()
    if not plain or images < WORTH_FOLDING or model.dtype_policy.name != "float32":
        return model
    folded = dict(_foldable(model))
    if not folded:
        return model
    gone = {normalisation.name for normalisation in folded.values()}

    class Gone(keras.layers.Layer):  # type: ignore[misc]
        def call(self, inputs: Any, training: Any = None, mask: Any = None) -> Any:
            return inputs

    def clone(layer: keras.Layer) -> keras.Layer:
        if layer.name in gone:
            return Gone(name=layer.name)
        more = {"use_bias": True} if layer.name in folded else {}
        return type(layer).from_config(layer.get_config() | more)

    cloned = keras.models.clone_model(model, clone_function=clone, recursive=True)
    for before, after in zip(_layers_of(model), _layers_of(cloned), strict=True):
        if before.name in folded:
            after.set_weights(_folded_weights(before, folded[before.name]))
        elif before.name not in gone:
            after.set_weights(before.get_weights())
    return cloned


def _foldable(model: keras.Model) -> Iterator[tuple[str, keras.Layer]]:
    """The name of each convolution whose output goes to a normalisation and nowhere else, and that
    one. Names are no use where two layers share one: then none."""
    import keras

    names = [layer.name for layer in _layers_of(model)]
    if len(set(names)) < len(names):
        return
    models = [model, *(one for one in model._flatten_layers() if isinstance(one, keras.Model))]
    outputs = {id(tensor) for one in models for tensor in one.outputs}
    kinds = (keras.layers.Conv2D, keras.layers.DepthwiseConv2D)
    for layer in _layers_of(model):
        if not isinstance(layer, keras.layers.BatchNormalization) or len(layer._inbound_nodes) != 1:
            continue
        (tensor,) = layer._inbound_nodes[0].input_tensors
        before = tensor._keras_history.operation
        alone = len(before._inbound_nodes) == len(getattr(before, "_outbound_nodes", ())) == 1
        if type(before) in kinds and alone and id(tensor) not in outputs:
            linear = before.activation is keras.activations.linear
            if linear and before.data_format == "channels_last" and layer.axis in (-1, 3):
                yield before.name, layer


def _folded_weights(convolution: keras.Layer, layer: keras.Layer) -> list[np.ndarray]:
    """Kernel and bias of a convolution that normalises too, by the moving mean and variance."""
    kernel, *bias = convolution.get_weights()
    mean, variance = (np.asarray(one) for one in (layer.moving_mean, layer.moving_variance))
    scale = 1 / np.sqrt(variance + layer.epsilon)
    if layer.gamma is not None:
        scale = scale * np.asarray(layer.gamma)
    offset = -mean * scale if not bias else (bias[0] - mean) * scale
    if layer.beta is not None:
        offset = offset + np.asarray(layer.beta)
    depthwise = kernel.shape[2:] if kernel.shape[-1] != len(scale) else (1, len(scale))
    return [kernel * scale.reshape(1, 1, *depthwise), offset]


def _layers_of(model: keras.Model) -> Iterator[keras.Layer]:
    """Every layer, those of models within the model too."""
    import keras

    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from _layers_of(layer)
        else:
            yield layer


def _can_be_fused(layer: keras.Layer) -> bool:
    import keras

    plain = type(layer) is keras.layers.BatchNormalization
    return plain and not layer.renorm and not layer.synchronized


@cache
def _fused_layer() -> Any:
    """The class, made when Keras is there."""
    import keras
    import tensorflow as tf

    class FusedBatchNormalization(keras.layers.BatchNormalization):
        """Keras' own by ``FusedBatchNormV3``: statistics in float32, activations as they come."""

        def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
            channels_last = len(inputs.shape) == 4 and self.axis in (-1, 3)
            if mask is not None or not channels_last:
                return super().call(inputs, training=training, mask=mask)
            from_batch = bool(training and self.trainable)
            nothing = tf.zeros([0])
            outputs, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
                x=inputs,
                scale=tf.ones_like(self.moving_mean) if self.gamma is None else self.gamma.value,
                offset=tf.zeros_like(self.moving_mean) if self.beta is None else self.beta.value,
                mean=nothing if from_batch else self.moving_mean.value,
                variance=nothing if from_batch else self.moving_variance.value,
                epsilon=self.epsilon,
                is_training=from_batch,
            )
            if from_batch:
                count = tf.cast(tf.size(inputs) // inputs.shape[-1], "float32")
                # The operation returns the unbiased variance, Keras averages the biased one.
                self._average(self.moving_mean, mean)
                self._average(self.moving_variance, variance * (count - 1) / count)
            return outputs

        def _average(self, moving: Any, value: Any) -> None:
            moving.assign(moving * self.momentum + value * (1.0 - self.momentum))

    return FusedBatchNormalization
