"""Optimiser steps that pass over the weights once.

Keras writes an update as ten operations, each of which reads and writes all weights. TensorFlow
has one for SGD with momentum (``ResourceApplyKerasMomentum``), which Keras 3 does not use: the same
rule and the same state (`benchmarks/optimizer_steps.py`). Adam has one too, whose rounding is
another one: it is left to Keras.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from model_zoo.training.precision import has_accelerator

if TYPE_CHECKING:
    import keras


def in_one_pass(optimizer: keras.optimizers.Optimizer) -> keras.optimizers.Optimizer:
    """The same uncompiled optimiser, computed faster if it is SGD with momentum.

    On an accelerator, on JAX and where several devices share a batch it is returned as it is: the
    first two fuse the operations themselves, and what the third ones hold is not one variable.
    """
    import keras

    sgd = type(optimizer) is keras.optimizers.SGD and optimizer.momentum
    if not sgd or keras.backend.backend() != "tensorflow" or has_accelerator():
        return optimizer
    import tensorflow as tf

    if tf.distribute.has_strategy():
        return optimizer

    class InOnePass(keras.optimizers.SGD):
        """Its weight decay, schedule and state are those of the class that it is made from."""

        def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
            if isinstance(gradient, tf.IndexedSlices):  # of an embedding: only some rows
                super().update_step(gradient, variable, learning_rate)
            else:
                _momentum_step(self, gradient, variable, learning_rate)

    return InOnePass.from_config(optimizer.get_config())


def _momentum_step(optimizer: Any, gradient: Any, variable: Any, learning_rate: Any) -> None:
    import tensorflow as tf

    slot = optimizer.momentums[optimizer._get_variable_index(variable)].value
    tf.raw_ops.ResourceApplyKerasMomentum(
        var=variable.handle,
        accum=slot.handle,
        lr=tf.cast(learning_rate, variable.dtype),
        grad=tf.cast(gradient, variable.dtype),
        momentum=tf.cast(optimizer.momentum, variable.dtype),
        use_nesterov=optimizer.nesterov,
    )
