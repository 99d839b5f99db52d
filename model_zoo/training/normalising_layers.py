"""Keras' layers computed otherwise on TensorFlow: with the same weights, in the same order.

None is ever saved: a finished model is built anew of Keras' own layers and given these weights.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

from model_zoo.training.matrix_products import by_product

if TYPE_CHECKING:
    import keras


def plain_kind(layer: keras.Layer) -> type:
    """Keras' own class of a layer, of which ours is another way to compute."""
    kind: type = getattr(type(layer), "computes", type(layer))
    return kind


@cache
def fused() -> Any:
    """The class of batch normalisations in one operation, made when Keras is there."""
    import keras
    import tensorflow as tf

    class FusedBatchNormalization(keras.layers.BatchNormalization):
        """Keras' own by ``FusedBatchNormV3``: statistics in float32, activations as they come."""

        computes = keras.layers.BatchNormalization

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


@cache
def passing() -> Any:
    """The class of batch normalisations whose work the convolution before them does."""
    import keras

    class Passing(keras.layers.BatchNormalization):
        """Holds its weights, and hands its input on."""

        computes = keras.layers.BatchNormalization

        def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
            if training and self.trainable:
                raise RuntimeError(f"{self.name} is to learn, and its work is done elsewhere")
            return inputs

    return Passing


@cache
def folding(kind: Any) -> Any:
    """The class of convolutions that also do what a normalisation after them would.

    With moving mean m and variance v, scale g and offset b a normalisation of what a kernel k gives
    is a convolution by k g / sqrt(v + e), and b - m g / sqrt(v + e) added to it (Jacob et al. 2018,
    arXiv:1712.05877, section 3.2). The kernel's gradient comes out as it would without.

    Args:
        kind: Keras' Conv2D or DepthwiseConv2D.
    """
    import keras
    from keras import ops

    depthwise = kind is keras.layers.DepthwiseConv2D

    class Folding(kind if depthwise else by_product()):  # type: ignore[misc]
        computes = kind
        #: Gives the layer; not the layer itself, which Keras would count as a part of this one.
        normalisation: Callable[[], keras.Layer]

        def call(self, inputs: Any) -> Any:
            layer = self.normalisation()
            scale = ops.rsqrt(layer.moving_variance + layer.epsilon)
            if layer.gamma is not None:
                scale = scale * layer.gamma
            offset = -layer.moving_mean * scale
            if layer.beta is not None:
                offset = offset + layer.beta
            if self.bias is not None:
                offset = offset + ops.cast(self.bias, scale.dtype) * scale
            of_outputs = self.kernel.shape[2:] if depthwise else (1, self.filters)
            kernel = ops.cast(self.kernel, scale.dtype) * ops.reshape(scale, (1, 1, *of_outputs))
            outputs = self.convolution_op(inputs, ops.cast(kernel, self.compute_dtype))
            return ops.add(outputs, ops.cast(offset, outputs.dtype))

        if depthwise:  # Keras' own has no such method

            def convolution_op(self, inputs: Any, kernel: Any) -> Any:
                return ops.depthwise_conv(
                    inputs,
                    kernel,
                    strides=self.strides,
                    padding=self.padding,
                    dilation_rate=self.dilation_rate,
                    data_format=self.data_format,
                )

    return Folding
