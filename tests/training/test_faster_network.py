"""Batch normalisation in one operation: another way to compute the same network."""

from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from model_zoo.backbones import discover, get_backbone
from model_zoo.backbones.contract import set_trainable
from model_zoo.classifier import Head, build_classifier
from model_zoo.data.fashion_mnist.description import DATASET
from model_zoo.settings import Augmentation, ModelSettings
from model_zoo.training.faster_network import (
    WORTH_FOLDING,
    faster_in_inference,
    faster_in_training,
)
from model_zoo.training.frozen_part import split_where_training_begins, trunk_of
from model_zoo.training.frozen_views import Views, pixels_of
from model_zoo.training.precision import computing_in

IMAGES = np.random.default_rng(0).integers(0, 256, (16, 28, 28), np.uint8)
LABELS = (np.arange(16) % 10).astype(np.int32)


def classifier(policy: str, backbone: str = "resnet50v2") -> keras.Model:
    chosen = ModelSettings(backbone=backbone, image_size=32, weights="none")
    head = Head(dense_1=64, dense_2=32, dropout=0.0, learning_rate=0.001)
    with computing_in(policy):
        return build_classifier(DATASET, chosen, Augmentation(flip=False), head, seed=20)


def compiled(model: keras.Model) -> None:
    """For one step: to trace a network takes longer than to run it once."""
    model.compile(keras.optimizers.SGD(0.01), "sparse_categorical_crossentropy", run_eagerly=True)


def normalisations(model: keras.Model) -> list[keras.Layer]:
    layers = [layer for layer in model._flatten_layers() if "Normalization" in type(layer).__name__]
    return [layer for layer in layers if hasattr(layer, "moving_mean")]


def test_every_normalisation_is_replaced_and_nothing_else() -> None:
    plain = classifier("mixed_bfloat16")
    fused = faster_in_training(plain)
    assert {type(one).__name__ for one in normalisations(fused)} == {"FusedBatchNormalization"}
    assert {type(one).__name__ for one in normalisations(plain)} == {"BatchNormalization"}
    for before, after in zip(plain.variables, fused.variables, strict=True):
        assert before.path == after.path
        np.testing.assert_array_equal(before, after)
    assert [one.path for one in plain.trainable_variables] == [
        one.path for one in fused.trainable_variables
    ]
    assert [(one.name, one.compute_dtype) for one in plain._flatten_layers()] == [
        (one.name, one.compute_dtype) for one in fused._flatten_layers()
    ]


def test_a_network_without_any_is_left_as_it_is() -> None:
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    assert faster_in_training(model) is model


def test_a_classifier_learns_in_a_step_what_keras_own_layers_make_it_learn() -> None:
    plain = classifier("float32", backbone="resnet50")
    fused = faster_in_training(plain)
    for model in (plain, fused):
        compiled(model)
    losses = [model.train_on_batch(IMAGES, LABELS) for model in (plain, fused)]
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-4)
    for before, after in zip(plain.weights, fused.weights, strict=True):
        np.testing.assert_allclose(after, before, rtol=1e-2, atol=1e-4, err_msg=before.path)
    predicted = [model.predict_on_batch(IMAGES) for model in (plain, fused)]
    np.testing.assert_allclose(predicted[1], predicted[0], atol=1e-3)


def small_network() -> keras.Model:
    """Convolutions with all that may come between them and a normalisation, none of it at rest."""
    layers = keras.layers
    image = keras.Input((8, 8, 3))
    x = layers.BatchNormalization(scale=False, name="bn_1")(
        layers.Conv2D(4, 3, name="plain")(image)
    )
    x = layers.DepthwiseConv2D(3, depth_multiplier=2, use_bias=False, name="depthwise")(x)
    x = layers.ReLU(6.0)(layers.BatchNormalization(center=False, name="bn_2")(x))
    inside = layers.Conv2D(8, 1, name="used_twice")(x)
    x = layers.Add()([inside, layers.BatchNormalization(name="bn_3")(inside)])
    active = layers.Conv2D(8, 1, activation="relu", name="active")(x)
    model = keras.Model(image, layers.BatchNormalization(name="bn_4")(active))
    random = np.random.default_rng(0)
    model.set_weights([random.uniform(0.2, 1, one.shape) for one in model.get_weights()])
    return model


def test_folded_into_convolutions_it_gives_the_same_but_for_rounding() -> None:
    plain = small_network()
    images = np.random.default_rng(1).uniform(0, 1, (5, 8, 8, 3)).astype(np.float32)
    folded = faster_in_inference(plain, WORTH_FOLDING)
    assert {one.name for one in normalisations(folded)} == {"bn_3", "bn_4"}, "these cannot be"
    np.testing.assert_allclose(folded(images), plain(images), rtol=1e-5)
    assert faster_in_inference(plain, WORTH_FOLDING - 1) is plain, "it is not worth it"


def test_a_whole_classifier_is_folded() -> None:
    plain = classifier("float32", backbone="resnet50")
    folded = faster_in_inference(plain, WORTH_FOLDING)
    assert normalisations(plain) and not normalisations(folded)
    np.testing.assert_allclose(folded(IMAGES), plain(IMAGES), atol=1e-5)


def fine_tuned(policy: str) -> keras.Model:
    """The last two of EfficientNet-Lite0's blocks learn, their normalisation does not."""
    discover(Path(__file__).parents[2] / "plugins")
    chosen = ModelSettings(
        backbone="efficientnet_lite0", image_size=32, weights="none", unfrozen_blocks=2
    )
    head = Head(dense_1=64, dense_2=32, dropout=0.0, learning_rate=0.001)
    with computing_in(policy):
        model = build_classifier(DATASET, chosen, Augmentation(flip=False), head, seed=20)
    set_trainable(trunk_of(model), get_backbone("efficientnet_lite0"), 2)
    random = np.random.default_rng(0)
    for layer in normalisations(model):
        layer.set_weights([random.uniform(0.7, 1.3, one.shape) for one in layer.get_weights()])
    return model


def test_frozen_normalisation_is_folded_where_blocks_are_fine_tuned() -> None:
    """What is trained, and what a step makes of it, stays; a part of the network can be trained."""
    plain = fine_tuned("float32")
    faster = faster_in_training(plain)
    assert normalisations(plain) and not normalisations(faster)
    assert [one.path for one in faster.weights] == [one.path for one in plain.weights]
    assert [one.path for one in faster.trainable_weights] == [
        one.path for one in plain.trainable_weights
    ]
    before = plain.get_weights()
    for model in (plain, faster):
        compiled(model)
    losses = [model.train_on_batch(IMAGES, LABELS) for model in (plain, faster)]
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-4)
    for own, other, old in zip(plain.weights, faster.weights, before, strict=True):
        change = np.abs(np.asarray(own) - old).max()
        np.testing.assert_allclose(other, own, atol=1e-2 * change + 1e-7, err_msg=own.path)
    split = split_where_training_begins(faster)
    assert split is not None
    as_they_are = Views(Augmentation(), seed=0, count=0)
    features = split.frozen(pixels_of(split.frozen, as_they_are, IMAGES, view=None, start=0))
    np.testing.assert_allclose(split.trained(features), plain(IMAGES), atol=1e-4)
    anew = faster_in_inference(split.frozen, WORTH_FOLDING)
    assert anew is split.frozen, "nothing is left to fold"


def test_in_bfloat16_a_folded_network_is_as_near_to_float32_as_one_that_is_not() -> None:
    exact = fine_tuned("float32")(IMAGES)
    away = []
    for computed in (lambda model: model, faster_in_training):
        model = computed(fine_tuned("mixed_bfloat16"))
        away.append(float(np.abs(np.asarray(model(IMAGES)) - exact).mean()))
    assert 0 < away[1] < 1.5 * away[0]


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("scale", [True, False])
@pytest.mark.parametrize("axis, shape", [(-1, (4, 5, 5, 3)), (1, (4, 3, 5, 5)), (-1, (8, 3))])
def test_a_layer_has_keras_own_outputs_gradients_and_statistics(
    training: bool, scale: bool, axis: int, shape: tuple[int, ...]
) -> None:
    given = keras.Input(shape[1:])
    options = {"axis": axis, "scale": scale, "center": scale, "momentum": 0.5}
    plain = keras.Model(given, keras.layers.BatchNormalization(**options)(given))
    random = np.random.default_rng(0)
    plain.set_weights([random.uniform(0.5, 2.0, one.shape) for one in plain.weights])
    inputs = tf.constant(random.normal(2.0, 3.0, shape).astype(np.float32))
    found = []
    for model in (plain, faster_in_training(plain)):
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            outputs = model(inputs, training=training)
            cost = tf.reduce_sum(tf.sin(outputs))
        watched = [inputs, *(one.value for one in model.trainable_variables)]
        found.append([outputs, *tape.gradient(cost, watched), *model.get_weights(), model(inputs)])
    for own, fused in zip(*found, strict=True):
        np.testing.assert_allclose(fused, own, rtol=1e-4, atol=1e-5)


def test_a_frozen_trunk_keeps_its_statistics() -> None:
    fused = faster_in_training(classifier("float32"))
    for layer in normalisations(fused):
        layer.trainable = False
    before = [np.array(layer.moving_variance) for layer in normalisations(fused)]
    compiled(fused)
    fused.train_on_batch(IMAGES, LABELS)
    for value, layer in zip(before, normalisations(fused), strict=True):
        np.testing.assert_array_equal(layer.moving_variance, value)


def test_in_bfloat16_activations_stay_bfloat16_and_statistics_float32() -> None:
    fused = faster_in_training(classifier("mixed_bfloat16"))
    layer = normalisations(fused)[0]
    outputs = layer(np.ones((2, 4, 4, layer.gamma.shape[0]), np.float32), training=True)
    assert outputs.dtype.name == "bfloat16"
    assert keras.backend.standardize_dtype(layer.moving_variance.dtype) == "float32"
