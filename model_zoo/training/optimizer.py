"""Optimiser, schedule and loss, as the settings name them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from model_zoo.backbones import get_backbone
from model_zoo.class_figures import OF_CLASSES
from model_zoo.classifier import Head
from model_zoo.settings import ModelSettings, TrainingSettings
from model_zoo.training.class_metric import class_metric
from model_zoo.training.one_pass import in_one_pass
from model_zoo.training.precision import has_accelerator

if TYPE_CHECKING:
    import keras

# One-dimensional: a penalty on them does not make a network simpler (He et al. 2018,
# arXiv:1812.01187).
NOT_DECAYED = ["bias", "gamma", "beta"]
MOMENTUM = 0.9


def compile_classifier(
    network: keras.Model,
    model: ModelSettings,
    training: TrainingSettings,
    head: Head,
    steps: int,
    metric: str = "accuracy",
) -> keras.Model:
    """Compile a classifier, or its trained part, for ``steps`` optimiser steps in all.

    Args:
        metric: is computed beside accuracy, if it is another one.
    """
    import keras

    optimizer = in_one_pass(_optimizer(training, _schedule(training, head.learning_rate, steps)))
    shares = rate_shares(network, model, training)
    if set(shares) != {1.0}:
        optimizer = _with_shares(optimizer, shares)
    if training.weight_decay:
        optimizer.exclude_from_weight_decay(var_names=NOT_DECAYED)
    smoothed = training.label_smoothing
    network.compile(
        optimizer=optimizer,
        loss=smoothed_loss(smoothed) if smoothed else "sparse_categorical_crossentropy",
        metrics=["accuracy", *_of_classes(metric, network)],
        # XLA on a CPU made a ResNet50 four times slower; on accelerators "auto" is right.
        jit_compile="auto" if has_accelerator() or keras.backend.backend() == "jax" else False,
    )
    _make_variables(network)
    return network


def _make_variables(network: keras.Model) -> None:
    """Make those of optimiser, loss and metrics, which Keras otherwise does in the first step.

    TensorFlow traces a step in which variables came to be three times: as it is, with each of them
    made only if it is not there yet, and once more without (`benchmarks/first_step.py`).
    """
    network.optimizer.build(network.trainable_variables)
    classes = network.output_shape[-1]
    label, equal = np.zeros(1, np.int32), np.full((1, classes), 1 / classes, np.float32)
    network.compute_loss(y=label, y_pred=equal)
    network.compute_metrics(x=None, y=label, y_pred=equal, sample_weight=None)
    network.reset_metrics()


def _of_classes(metric: str, network: keras.Model) -> list[keras.metrics.Metric]:
    return [class_metric(metric, network.output_shape[-1])] if metric in OF_CLASSES else []


def _optimizer(training: TrainingSettings, rate: Any) -> keras.optimizers.Optimizer:
    from keras import optimizers

    decay = training.weight_decay or None
    if training.optimizer == "sgd":
        return optimizers.SGD(rate, momentum=MOMENTUM, nesterov=True, weight_decay=decay)
    if training.optimizer == "adamw":
        return optimizers.AdamW(rate, weight_decay=training.weight_decay)
    return optimizers.Adam(rate, weight_decay=decay)


def _schedule(training: TrainingSettings, peak: float, steps: int) -> Any:
    from keras.optimizers import schedules

    if training.lr_schedule == "exponential":  # Keras' documented example, and the notebook's
        return schedules.ExponentialDecay(peak, decay_steps=10_000, decay_rate=0.9)
    warmup = int(steps * training.warmup_share)
    return schedules.CosineDecay(
        0.0 if warmup else peak,
        decay_steps=max(1, steps - warmup),
        alpha=0.0,
        warmup_target=peak if warmup else None,
        warmup_steps=warmup,
    )


def smoothed_loss(smoothing: float) -> Any:
    """Cross-entropy with part of each label spread over all classes (Szegedy et al. 2015,
    arXiv:1512.00567); labels are integers, which Keras' own smoothing does not take."""
    from keras import losses, ops

    def loss(labels: Any, probabilities: Any) -> Any:
        classes = probabilities.shape[-1]
        right = ops.one_hot(ops.cast(ops.reshape(labels, (-1,)), "int32"), classes)
        wanted = right * (1 - smoothing) + smoothing / classes
        return losses.categorical_crossentropy(wanted, probabilities)

    return loss


def rate_shares(
    network: keras.Model, model: ModelSettings, training: TrainingSettings
) -> list[float]:
    """Each trainable variable's learning rate as a part of the head's.

    In a pretrained trunk the last block learns at ``trunk_rate``, each block before it at
    ``block_rate`` times that of the one after it (Howard & Ruder 2018, arXiv:1801.06146).
    """
    import keras

    backbone = get_backbone(model.backbone)
    shares: dict[int, float] = {}
    inner = [one for one in network.layers if isinstance(one, keras.Model)]
    if not model.from_scratch:
        for layer in (layer for trunk in inner for layer in trunk.layers):
            block = backbone.block_of(layer.name)
            before_last = len(backbone.blocks) - 1 - (block if block is not None else 0)
            share = training.trunk_rate * training.block_rate**before_last
            shares |= {id(variable): share for variable in layer.trainable_weights}
    return [shares.get(id(variable), 1.0) for variable in network.trainable_variables]


def _with_shares(
    optimizer: keras.optimizers.Optimizer, shares: list[float]
) -> keras.optimizers.Optimizer:
    from keras import ops

    kind = type(optimizer)

    class SharedRates(kind):  # type: ignore[valid-type, misc]
        """Takes a part of the learning rate for each variable, its decay included.

        Keras decays all variables by the whole rate before the first update step: a trunk at a
        tenth of the rate would be pulled towards zero ten times as hard as it learns.
        """

        def _apply_weight_decay(self, variables: Any) -> None:
            """Left to each variable's own step."""

        def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
            rate = learning_rate * shares[self._get_variable_index(variable)]
            if self.weight_decay and self._use_weight_decay(variable):
                decayed = ops.cast(self.weight_decay * rate, variable.dtype)
                variable.assign(variable - variable * decayed)
            super().update_step(gradient, variable, rate)

    return SharedRates.from_config(optimizer.get_config())
