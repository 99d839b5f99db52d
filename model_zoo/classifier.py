"""The classifier: raw pixels in, probabilities out, all preprocessing inside the model.

``image: uint8 (N, h, w)`` -> augmentation at the dataset's own size -> RGB at the backbone's size
-> backbone -> global average pooling -> Dense -> Dense -> dropout -> softmax. At 28 x 28 the
augmentation costs 1/64 of what it costs at 224 x 224.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from model_zoo.backbones import build_trunk, get_backbone, set_trainable
from model_zoo.backbones.contract import NO_WEIGHTS
from model_zoo.config import Settings
from model_zoo.data.dataset import Dataset

if TYPE_CHECKING:
    import keras

# Names of layers by which other parts of Catwalk find their way through a classifier.
AUGMENTATION = ("flip", "shift", "rotate", "zoom", "erase")
PIXELS = "pixels"  # what the augmentation made of the image: float32 (N, h, w, 1)
RGB = "rgb"  # the backbone's input
TRUNK = "trunk"  # the backbone's feature map
POOL = "pool"
HEAD = ("dense_1", "dense_2", "dropout", "logits", "probabilities")


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


def head_from(settings: Settings) -> Head:
    """The head that the settings name: what is trained without a search."""
    rate = settings.learning_rate or settings.base_rate
    return Head(settings.dense_1, settings.dense_2, settings.dropout, rate)


def augmentation(settings: Settings, seed: int) -> list[keras.Layer]:
    """The random layers that the settings ask for; what comes into view is black background."""
    from keras import layers

    # Pixels have eight bits and bfloat16 as many: whatever the network computes in, not these.
    exact: dict[str, Any] = {"dtype": "float32"}
    black: dict[str, Any] = exact | {"fill_mode": "constant", "fill_value": 0.0}
    found: list[keras.Layer] = []
    if settings.flip:
        found.append(layers.RandomFlip("horizontal", seed=seed, name="flip", **exact))
    if settings.shift:
        amount = settings.shift
        found.append(layers.RandomTranslation(amount, amount, seed=seed + 1, name="shift", **black))
    if settings.rotation:
        found.append(
            layers.RandomRotation(settings.rotation, seed=seed + 2, name="rotate", **black)
        )
    if settings.zoom:
        found.append(layers.RandomZoom(settings.zoom, seed=seed + 3, name="zoom", **black))
    if settings.erase:  # Zhong et al. 2017, arXiv:1708.04896
        chance = (settings.erase, settings.erase)
        found.append(layers.RandomErasing(chance, seed=seed + 4, name="erase", **exact))
    return found


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
    from_scratch = settings.weights == NO_WEIGHTS
    set_trainable(trunk, backbone, None if from_scratch else settings.unfrozen_blocks)
    if from_scratch:
        for layer in trunk.layers:
            if isinstance(layer, layers.BatchNormalization):
                layer.momentum = FROM_SCRATCH_MOMENTUM

    image = keras.Input(dataset.image_shape, dtype="uint8", name="image")
    x = ops.cast(ops.expand_dims(image, -1), "float32")
    for layer in augmentation(settings, settings.seed):
        x = layer(x)
    x = layers.Identity(name=PIXELS, dtype="float32")(x)
    size = settings.image_size
    if dataset.image_shape != (size, size):
        # Not the layer Resizing: its `training` defaults to True and, where a caller names none
        # (Keras' export to ONNX does not), passes that on to every batch normalisation after it.
        x = ops.image.resize(x, (size, size), interpolation="bilinear")
    x = layers.Concatenate(name=RGB, dtype="float32")([x, x, x])
    features = layers.Identity(name=TRUNK)(trunk(x))
    pooled = layers.GlobalAveragePooling2D(name=POOL)(features)
    probabilities = _head(pooled, dataset, settings, head)
    return keras.Model(image, probabilities, name=f"{settings.backbone}_classifier")


def build_head(dataset: Dataset, settings: Settings, head: Head, channels: int) -> keras.Model:
    """The head alone, uncompiled: pooled features float32 (N, channels) -> probabilities."""
    import keras

    keras.utils.set_random_seed(settings.seed)
    pooled = keras.Input((channels,), name="features")
    return keras.Model(pooled, _head(pooled, dataset, settings, head), name="head")


def _head(x: Any, dataset: Dataset, settings: Settings, head: Head) -> Any:
    from keras import layers

    x = layers.Dense(head.dense_1, activation="relu", name="dense_1")(x)
    x = layers.Dense(head.dense_2, activation="relu", name="dense_2")(x)
    if head.dropout:
        x = layers.Dropout(head.dropout, seed=settings.seed, name="dropout")(x)
    logits = layers.Dense(len(dataset.labels), name="logits", dtype="float32")(x)
    return layers.Softmax(name="probabilities", dtype="float32")(logits)
