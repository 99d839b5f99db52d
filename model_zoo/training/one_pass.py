"""Optimiser steps that pass over the weights once.

Keras writes an update as ten operations, each of which reads and writes all weights. TensorFlow has
one operation for each of these rules (``ResourceApplyKerasMomentum``, ``ResourceApplyAdam``), which
Keras 3 does not use. The rule is the same, and so is what the optimiser keeps, but for rounding
(`benchmarks/optimizer_steps.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from model_zoo.training.precision import has_accelerator

if TYPE_CHECKING:
    import keras


def in_one_pass(optimizer: keras.optimizers.Optimizer) -> keras.optimizers.Optimizer:
    """The same uncompiled optimiser, computed faster: SGD with Nesterov momentum, Adam or AdamW.

    On an accelerator, on JAX and where several devices share a batch it is returned as it is: the
    first two fuse the operations themselves, and what the third ones hold is not one variable.
    """
    import keras

    if keras.backend.backend() != "tensorflow" or has_accelerator():
        return optimizer
    import tensorflow as tf

    if tf.distribute.has_strategy():
        return optimizer
    kinds = {
        keras.optimizers.SGD: _momentum_step,
        keras.optimizers.Adam: _adam_step,
        keras.optimizers.AdamW: _adam_step,
    }
    kind = type(optimizer)
    step = kinds[kind]

    class InOnePass(kind):  # type: ignore[valid-type, misc]
        """Its weight decay, schedule and state are those of the class that it is made from."""

        def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
            if isinstance(gradient, tf.IndexedSlices):  # of an embedding: only some rows
                super().update_step(gradient, variable, learning_rate)
            else:
                step(self, gradient, variable, learning_rate)

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


def _adam_step(optimizer: Any, gradient: Any, variable: Any, learning_rate: Any) -> None:
    import tensorflow as tf

    index = optimizer._get_variable_index(variable)
    steps = tf.cast(optimizer.iterations + 1, variable.dtype)
    beta_1, beta_2 = (tf.cast(one, variable.dtype) for one in (optimizer.beta_1, optimizer.beta_2))
    tf.raw_ops.ResourceApplyAdam(
        var=variable.handle,
        m=optimizer._momentums[index].value.handle,
        v=optimizer._velocities[index].value.handle,
        beta1_power=beta_1**steps,
        beta2_power=beta_2**steps,
        lr=tf.cast(learning_rate, variable.dtype),
        beta1=beta_1,
        beta2=beta_2,
        epsilon=tf.cast(optimizer.epsilon, variable.dtype),
        grad=tf.cast(gradient, variable.dtype),
    )
