"""Batch normalisation in one operation, where Keras on TensorFlow makes a chain of some ten.

The chain, forwards and backwards, is float32 copies of every activation written and read again: a
third of a small network's step on a CPU (``benchmarks/normalisation.py``). TensorFlow has one
operation for it, which Keras 3 does not use.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING, Any

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
