"""Check one backbone against the contract, on its smallest size and a handful of images."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from model_zoo.backbones.contract import Backbone, set_trainable
from model_zoo.backbones.weights import build_trunk
from model_zoo.settings import NO_WEIGHTS

if TYPE_CHECKING:
    import keras

IMAGES, CLASSES = 8, 4
LEARNING_RATE = 1e-4  # small: one step of Adam must lower the loss whatever the architecture
EXPORT_TOLERANCE = (
    1e-2  # of all features' length: rounding alone gives 5e-4, where the network is deep
)
ERFC = "the exact GELU becomes an Erfc that it lacks; take keras.ops.gelu(x, approximate=True)"
CONSTANTS = "layers.Normalization leaks its statistics; take layers.Rescaling, one offset a channel"


@dataclass(frozen=True)
class Subject:
    """What a check looks at."""

    backbone: Backbone
    trunk: keras.Model
    images: np.ndarray  # float32 (IMAGES, s, s, 3), 0..255


#: Yields what is wrong, in words.
Check = Callable[[Subject], Iterator[str]]


def run_checks(backbone: Backbone, quick: bool = False) -> Iterator[tuple[str, list[str]]]:
    """Run the checks one after another.

    Args:
        quick: leave away those that train, save or export, which take most of the time.

    Yields:
        What was checked, and what is wrong with it: nothing, if it is as it should be. Ends at
        once if the backbone cannot be built.
    """
    import keras

    keras.utils.set_random_seed(0)  # the same verdict each time
    size = backbone.smallest_size
    built = f"builds at its smallest size, {size} pixels"
    try:
        trunk = build_trunk(backbone, size, NO_WEIGHTS)
    except Exception as error:
        yield built, [f"{type(error).__name__}: {error}"]
        return
    yield built, []
    images = np.random.default_rng(0).uniform(0, 255, (IMAGES, size, size, 3)).astype(np.float32)
    images[0], images[1] = 0, 255
    subject = Subject(backbone, trunk, images)
    for name, check in CHECKS.items():
        if not quick or check in QUICK:
            try:
                yield name, list(check(subject))
            except Exception as error:
                yield name, [f"{type(error).__name__}: {error}"]


def gives_a_feature_map(subject: Subject) -> Iterator[str]:
    size = subject.backbone.smallest_size
    expected = (None, size, size, 3)
    if subject.trunk.input_shape != expected:
        yield f"expected the input {expected}. Received: {subject.trunk.input_shape}"
    shape = subject.trunk.output_shape
    if len(shape) != 4 or None in shape[1:]:
        yield f"expected the output (None, h, w, c) of known size. Received: {shape}"
        return
    features = _outputs(subject.trunk, subject.images)
    if not np.isfinite(features).all():
        yield "features of images in 0..255 are not finite: is the normalisation inside?"
    elif np.array_equal(features[0], features[1]):
        yield "a black and a white image have the same features"


def has_valid_blocks(subject: Subject) -> Iterator[str]:
    backbone = subject.backbone
    weighted = [layer.name for layer in subject.trunk.layers if layer.weights]
    indices = [backbone.block_of(name) for name in weighted]
    for name, index in zip(weighted, indices, strict=True):
        if index is None:
            yield f"layer {name} has weights and belongs to no block"
    for index, name in enumerate(backbone.block_names):
        if index not in indices:
            yield f"block {name} has no layer with weights"
    known = [index for index in indices if index is not None]
    if known != sorted(known):
        yield "blocks are not in the order of the network"


def is_of_keras_own_layers(subject: Subject) -> Iterator[str]:
    import keras

    for layer in subject.trunk.layers:
        if isinstance(layer, keras.Model):
            yield f"{layer.name} is a model inside the model: its blocks cannot be told apart"
        elif not type(layer).__module__.startswith("keras."):
            yield (
                f"layer {layer.name} is of a class of its own, {type(layer).__name__}: processes "
                "that load the trained model would not know it"
            )


def trains_its_last_block_only(subject: Subject) -> Iterator[str]:
    """One step changes exactly what is unfrozen, and lowers the loss on the images it saw."""
    from keras import layers

    trunk, backbone = subject.trunk, subject.backbone
    use_statistics_of(subject.images, trunk)
    set_trainable(trunk, backbone, 1)
    model = classifier_of(trunk)
    labels = np.arange(IMAGES) % CLASSES
    expected = {
        weight.path
        for layer in model.layers
        for weight in layer.weights
        if backbone.block_of(layer.name) == len(backbone.blocks) - 1 or layer.name == "logits"
        if not isinstance(layer, layers.BatchNormalization)
    }
    before = {weight.path: np.array(weight) for weight in model.weights}
    loss_before = model.test_on_batch(subject.images, labels)
    model.train_on_batch(subject.images, labels)
    loss_after = model.test_on_batch(subject.images, labels)
    changed = {w.path for w in model.weights if not np.array_equal(before[w.path], np.array(w))}
    for path in sorted(expected - changed):
        yield f"{path} of the last block did not change in a training step"
    for path in sorted(changed - expected):
        yield f"{path} is frozen and changed in a training step"
    if not loss_after < loss_before:
        yield f"a training step took the loss from {loss_before:.4f} to {loss_after:.4f}"


def is_saved_and_loaded_bit_equal(subject: Subject) -> Iterator[str]:
    import keras

    set_trainable(subject.trunk, subject.backbone, 1)
    model = classifier_of(subject.trunk)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        model.save(path, include_optimizer=False)
        loaded = keras.models.load_model(path, compile=False)
    if not np.array_equal(_outputs(model, subject.images), _outputs(loaded, subject.images)):
        yield "a saved and loaded model gives other probabilities"
    trained = [
        [(one.name, len(one.trainable_weights)) for one in which.layers]
        for which in (model, loaded)
    ]
    if trained[0] != trained[1]:
        yield "a saved and loaded model has other layers frozen: training cannot be continued"


def exports(subject: Subject) -> Iterator[str]:
    import onnxruntime

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "trunk.onnx"
        subject.trunk.export(path, format="onnx", verbose=False)
        try:
            session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        except Exception as error:
            hint = ERFC if "Erfc" in str(error) else str(error)
            yield f"ONNX Runtime refuses the file: {hint}"
            return
    inputs = [one.name for one in session.get_inputs()]
    if len(inputs) != 1:
        yield f"the ONNX file wants {len(inputs)} inputs: {', '.join(inputs)}. {CONSTANTS}"
        return
    (received,) = session.run(None, {inputs[0]: subject.images})
    expected = _outputs(subject.trunk, subject.images)
    difference = float(np.linalg.norm(received - expected) / np.linalg.norm(expected))
    if not difference <= EXPORT_TOLERANCE:
        yield f"features of the ONNX file differ by {difference:.2g} of their length"


CHECKS: dict[str, Check] = {
    "gives a feature map of images in 0..255": gives_a_feature_map,
    "names its blocks, in order, and every layer's": has_valid_blocks,
    "is made of Keras' own layers": is_of_keras_own_layers,
    "a training step changes the last block only, and lowers the loss": trains_its_last_block_only,
    "is saved and loaded bit-equal": is_saved_and_loaded_bit_equal,
    "exports to ONNX, and ONNX Runtime agrees": exports,
}
#: Checks that only look at the network and at features of a few images.
QUICK = (gives_a_feature_map, has_valid_blocks, is_of_keras_own_layers)


def classifier_of(trunk: keras.Model) -> keras.Model:
    """The trunk's own layers, pooling and a dense layer, compiled to run without tracing."""
    import keras
    from keras import layers

    x = layers.GlobalAveragePooling2D(name="pool")(trunk.output)
    x = layers.Dense(CLASSES, activation="softmax", name="logits")(x)
    model = keras.Model(trunk.input, x, name=f"{trunk.name}_check")
    model.compile(
        keras.optimizers.Adam(LEARNING_RATE), "sparse_categorical_crossentropy", run_eagerly=True
    )
    return model


def use_statistics_of(images: np.ndarray, trunk: keras.Model) -> None:
    """Give untrained batch normalisation a scale and statistics, as training would.

    Nothing is dropped meanwhile: statistics of eight images of which some have lost whole branches
    make a network that turns the last bit of a feature into its third digit.
    """
    from keras import layers

    norms = [one for one in trunk.layers if isinstance(one, layers.BatchNormalization)]
    dropouts = [one for one in trunk.layers if isinstance(one, layers.Dropout)]
    momenta, rates = [norm.momentum for norm in norms], [one.rate for one in dropouts]
    for norm in norms:
        norm.momentum = 0.0
        if norm.scale and not np.any(norm.gamma):  # begins as a shortcut: nothing before it learns
            norm.gamma.assign(norm.gamma + 1)
    for dropout in dropouts:
        dropout.rate = 0
    trunk(images, training=True)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    for dropout, rate in zip(dropouts, rates, strict=True):
        dropout.rate = rate


def _outputs(model: keras.Model, images: np.ndarray) -> np.ndarray:
    outputs: Any = model(images, training=False)
    return np.asarray(outputs)
