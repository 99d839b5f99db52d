"""The classifier: raw pixels in, probabilities out, all preprocessing inside the model.

``image: uint8 (N, h, w)`` or, in colour, ``(N, h, w, 3)`` -> enlarged, where the backbone takes
larger ones -> augmentation -> RGB at the backbone's size -> backbone -> global average pooling ->
Dense -> Dense -> dropout -> softmax.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from model_zoo.backbones import build_trunk, get_backbone, set_trainable
from model_zoo.data.dataset import Dataset
from model_zoo.settings import Augmentation, ModelSettings, TrainingSettings

if TYPE_CHECKING:
    import keras

# Names of layers by which other parts of Catwalk find their way through a classifier.
AUGMENTATION = ("flip", "shift", "rotate", "zoom", "colours", "erase")
PIXELS = "pixels"  # what the augmentation made of the image: float32 (N, h, w, channels)
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

    def in_words(self) -> str:
        return (
            f"dense {self.dense_1} and {self.dense_2}, dropout {self.dropout:.1f}, "
            f"learning rate {self.learning_rate:.2g}"
        )


# Keras' default of 0.99 needs hundreds of steps to forget the initial statistics; a search trial
# has thirty, and was judged on activations that were not normalised at all.
FROM_SCRATCH_MOMENTUM = 0.9


def head_from(model: ModelSettings, training: TrainingSettings) -> Head:
    """The head that the settings name: what is trained without a search."""
    return Head(model.dense_1, model.dense_2, model.dropout, training.peak_rate)


def augmentation_layers(chosen: Augmentation, channels: int, seed: int) -> list[keras.Layer]:
    """The random layers that the settings ask for, for images of so many channels."""
    from keras import backend, layers

    # Pixels have eight bits and bfloat16 as many: whatever the network computes in, not these.
    exact: dict[str, Any] = {"dtype": "float32"}
    fill = {"black": "constant", "mirror": "reflect"}[chosen.fill]
    moved: dict[str, Any] = exact | {"fill_mode": fill, "fill_value": 0.0}
    found: list[keras.Layer] = []
    if chosen.flip:
        found.append(layers.RandomFlip("horizontal", seed=seed, name="flip", **exact))
    if chosen.shift:
        amount = chosen.shift
        # Whole pixels: between them an image of few pixels is blurred, as none is that is judged.
        moved_whole = moved | {"interpolation": "nearest"}
        found.append(
            layers.RandomTranslation(amount, amount, seed=seed + 1, name="shift", **moved_whole)
        )
    if chosen.rotation:
        found.append(layers.RandomRotation(chosen.rotation, seed=seed + 2, name="rotate", **moved))
    if chosen.zoom:
        found.append(layers.RandomZoom(chosen.zoom, seed=seed + 3, name="zoom", **moved))
    hue, saturation = (chosen.hue, chosen.saturation) if channels > 1 else (0.0, 0.0)
    if chosen.light or hue or saturation:
        found.append(
            layers.RandomColorJitter(
                (0, 255),
                brightness_factor=chosen.light or None,
                contrast_factor=(chosen.light, chosen.light) if chosen.light else None,
                saturation_factor=_saturation(saturation) if saturation else None,
                hue_factor=(0.0, 2 * hue) if hue else None,  # Keras takes the half, either way
                seed=seed + 5,
                name="colours",
                **exact,
            )
        )
    if chosen.erase:  # Zhong et al. 2017, arXiv:1708.04896
        chance = (chosen.erase, chosen.erase)
        found.append(layers.RandomErasing(chance, seed=seed + 4, name="erase", **exact))
    if backend.backend() == "jax":
        # Keras says of those that move pixels that they cannot be compiled, which is so for
        # TensorFlow's operation; on JAX it made every step of the whole model run operation by
        # operation.
        for layer in found:
            layer.supports_jit = True
    return found


def resized(pixels: Any, size: int) -> Any:
    """(N, h, w, channels) -> (N, size, size, channels)."""
    from keras import ops

    # Not the layer Resizing: its `training` defaults to True and, where a caller names none (Keras'
    # export to ONNX does not), passes that on to every batch normalisation after it.
    return ops.image.resize(pixels, (size, size), interpolation="bilinear")


def _saturation(most: float) -> tuple[float, float]:
    """From 1 - most to 1 + most times as much, as Keras spells it: f / (1 - f) times."""
    return (1 - most) / (2 - most), (1 + most) / (2 + most)


def build_classifier(
    dataset: Dataset, model: ModelSettings, augmentation: Augmentation, head: Head, seed: int
) -> keras.Model:
    """An uncompiled classifier with the trunk's trainable layers set as the settings say.

    Returns:
        Functional model: uint8 (N, h, w) or (N, h, w, 3), as the dataset's images are -> float32
        (N, classes) probabilities.

    Raises:
        UserError: unknown backbone, size too small for it, or weights that cannot be had.
    """
    import keras
    from keras import layers, ops

    keras.utils.set_random_seed(seed)
    backbone = get_backbone(model.backbone)
    trunk = build_trunk(backbone, model.image_size, model.weights)
    last_blocks = None if model.from_scratch else model.unfrozen_blocks
    set_trainable(trunk, backbone, last_blocks, model.normalisation == "trained")
    if model.from_scratch:
        for layer in trunk.layers:
            if isinstance(layer, layers.BatchNormalization):
                layer.momentum = FROM_SCRATCH_MOMENTUM

    height, width, channels = dataset.image_shape
    grey = channels == 1
    image = keras.Input(dataset.array_shape, dtype="uint8", name="image")
    x = ops.cast(ops.expand_dims(image, -1) if grey else image, "float32")
    size = model.image_size
    # A small image is enlarged before it is turned and moved: what lies between pixels is their
    # mean, and at its own size each such step blurs it as no image is blurred that is judged.
    enlarged = size > max(height, width)
    if enlarged:
        x = resized(x, size)
    for layer in augmentation_layers(augmentation, channels, seed):
        x = layer(x)
    x = layers.Identity(name=PIXELS, dtype="float32")(x)
    if not enlarged and (height, width) != (size, size):
        x = resized(x, size)
    if grey:
        x = layers.Concatenate(name=RGB, dtype="float32")([x, x, x])
    else:
        x = layers.Identity(name=RGB, dtype="float32")(x)
    features = layers.Identity(name=TRUNK)(trunk(x))
    pooled = layers.GlobalAveragePooling2D(name=POOL)(features)
    probabilities = _head(pooled, len(dataset.labels), head, seed)
    return keras.Model(image, probabilities, name=f"{model.backbone}_classifier")


def build_head(classes: int, head: Head, channels: int, seed: int) -> keras.Model:
    """The head alone, uncompiled: pooled features float32 (N, channels) -> probabilities."""
    import keras

    keras.utils.set_random_seed(seed)
    pooled = keras.Input((channels,), name="features")
    return keras.Model(pooled, _head(pooled, classes, head, seed), name="head")


def _head(x: Any, classes: int, head: Head, seed: int) -> Any:
    from keras import layers

    x = layers.Dense(head.dense_1, activation="relu", name="dense_1")(x)
    x = layers.Dense(head.dense_2, activation="relu", name="dense_2")(x)
    if head.dropout:
        x = layers.Dropout(head.dropout, seed=seed, name="dropout")(x)
    logits = layers.Dense(classes, name="logits", dtype="float32")(x)
    return layers.Softmax(name="probabilities", dtype="float32")(logits)
