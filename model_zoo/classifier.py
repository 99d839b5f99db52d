"""The classifier: raw pixels in, probabilities out, all preprocessing inside the model.

``image: uint8 (N, h, w)`` -> augmentation at the dataset's own size -> RGB at the backbone's size
-> backbone -> global average pooling -> Dense -> Dense -> dropout -> softmax. At 28 x 28 the
augmentation costs 1/64 of what it costs at 224 x 224.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from model_zoo.backbones import build_trunk, get_backbone, set_trainable
from model_zoo.config import Settings
from model_zoo.data.dataset import Dataset

if TYPE_CHECKING:
    import keras

TRUNK = "trunk"
AUGMENTATION = ("flip", "rotate", "zoom")


@dataclass(frozen=True)
class Head:
    """What a search decides: widths of the dense layers, dropout (0..1), peak learning rate."""

    dense_1: int
    dense_2: int
    dropout: float
    learning_rate: float

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


# Keras' default of 0.99 needs hundreds of steps to forget the initial statistics; a search trial
# has thirty, and was judged on activations that were not normalised at all.
FROM_SCRATCH_MOMENTUM = 0.9
# Adam's own default, and the notebook's.
DEFAULT_LEARNING_RATE = 1e-3


def head_from(settings: Settings) -> Head:
    """The head that the settings name: what is trained without a search."""
    rate = settings.learning_rate or DEFAULT_LEARNING_RATE
    return Head(settings.dense_1, settings.dense_2, settings.dropout, rate)


def augmentation(settings: Settings) -> list[keras.Layer]:
    """Flip, rotation and zoom; what comes into view is filled with the black background."""
    from keras import layers

    seed = settings.seed
    return [
        layers.RandomFlip("horizontal", seed=seed, name="flip"),
        layers.RandomRotation(
            settings.rotation, fill_mode="constant", seed=seed + 1, name="rotate"
        ),
        layers.RandomZoom(settings.zoom, fill_mode="constant", seed=seed + 2, name="zoom"),
    ]


def build_classifier(dataset: Dataset, settings: Settings, head: Head) -> keras.Model:
    """An uncompiled classifier with the trunk's trainable layers set as the settings say.

    Returns:
        Functional model: uint8 (N, h, w) -> float32 (N, classes) probabilities.

    Raises:
        UserError: unknown backbone, size too small for it, or weights that cannot be had.
    """
    import keras
    from keras import layers, ops

    keras.utils.set_random_seed(settings.seed)
    backbone = get_backbone(settings.backbone)
    trunk = build_trunk(backbone, settings.image_size, settings.weights)
    from_scratch = settings.weights == "none"
    set_trainable(trunk, backbone, None if from_scratch else settings.unfrozen_blocks)
    if from_scratch:
        for layer in trunk.layers:
            if isinstance(layer, layers.BatchNormalization):
                layer.momentum = FROM_SCRATCH_MOMENTUM

    image = keras.Input(dataset.image_shape, dtype="uint8", name="image")
    x = ops.cast(ops.expand_dims(image, -1), "float32")
    for layer in augmentation(settings):
        x = layer(x)
    size = settings.image_size
    if dataset.image_shape != (size, size):
        # Not the layer Resizing: its `training` defaults to True and, where a caller names none
        # (Keras' export to ONNX does not), passes that on to every batch normalisation after it.
        x = ops.image.resize(x, (size, size), interpolation="bilinear")
    x = layers.Concatenate(name="rgb")([x, x, x])
    features = layers.Identity(name=TRUNK)(trunk(x))
    x = layers.GlobalAveragePooling2D(name="pool")(features)
    x = layers.Dense(head.dense_1, activation="relu", name="dense_1")(x)
    x = layers.Dense(head.dense_2, activation="relu", name="dense_2")(x)
    if head.dropout:
        x = layers.Dropout(head.dropout, seed=settings.seed, name="dropout")(x)
    logits = layers.Dense(len(dataset.labels), name="logits", dtype="float32")(x)
    probabilities = layers.Softmax(name="probabilities", dtype="float32")(logits)
    return keras.Model(image, probabilities, name=f"{settings.backbone}_classifier")


def compile_classifier(
    model: keras.Model, settings: Settings, head: Head, steps: int
) -> keras.Model:
    """Adam with the schedule of the settings over ``steps`` optimiser steps in all."""
    import keras
    from keras.optimizers import schedules

    if settings.lr_schedule == "cosine":
        rate = schedules.CosineDecay(
            0.0 if steps > 20 else head.learning_rate,
            decay_steps=max(1, steps - steps // 20),
            alpha=0.0,
            warmup_target=head.learning_rate if steps > 20 else None,
            warmup_steps=steps // 20 if steps > 20 else 0,
        )
    else:  # the notebook: Keras' documented example of exponential decay
        rate = schedules.ExponentialDecay(head.learning_rate, decay_steps=10_000, decay_rate=0.9)
    model.compile(
        optimizer=keras.optimizers.Adam(rate),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    return model
