"""Convolutions of few pixels as products of matrices: another way to compute the same network."""

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from model_zoo.training.faster_network import faster_in_training

PRODUCTS: dict[str, tuple[int, dict[str, Any]]] = {
    "1x1": (4, {"kernel_size": 1}),
    "1x1, every second pixel of an odd side": (5, {"kernel_size": 1, "strides": 2}),
    "1x1, padded where nothing is to pad": (3, {"kernel_size": 1, "padding": "same"}),
    "3x3 of one pixel": (1, {"kernel_size": 3, "padding": "same"}),
    "4x4 of one pixel": (1, {"kernel_size": 4, "padding": "same"}),
    "5x5 of one pixel, every second": (1, {"kernel_size": 5, "padding": "same", "strides": 2}),
    "3x3 of two by two": (2, {"kernel_size": 3, "padding": "same"}),
    "3x3 of two by two, every second": (2, {"kernel_size": 3, "padding": "same", "strides": 2}),
    "2x2 of two by two": (2, {"kernel_size": 2, "padding": "same"}),
    "5x2 of two by two": (2, {"kernel_size": (5, 2), "padding": "same"}),
}
CONVOLUTIONS: dict[str, tuple[int, dict[str, Any]]] = {
    "3x3": (4, {"kernel_size": 3, "padding": "same"}),
    "2x2 that loses its borders": (2, {"kernel_size": 2}),
    "1x1 of many pixels": (32, {"kernel_size": 1}),
    "1x1 in groups": (2, {"kernel_size": 1, "groups": 2}),
    "2x2 of one pixel, its neighbours further off": (
        1,
        {"kernel_size": 2, "padding": "same", "dilation_rate": 2},
    ),
}


def network(side: int, convolution: dict[str, Any]) -> keras.Model:
    image = keras.Input((side, side, 4))
    keras.utils.set_random_seed(1)
    layer = keras.layers.Conv2D(
        6, **convolution, activation="relu", bias_initializer="normal", name="convolution"
    )
    return keras.Model(image, layer(image))


@pytest.mark.parametrize("name", PRODUCTS)
def test_a_convolution_of_few_pixels_is_a_product_and_gives_and_learns_the_same(name: str) -> None:
    side, convolution = PRODUCTS[name]
    plain = network(side, convolution)
    faster = faster_in_training(plain)
    assert type(faster.get_layer("convolution")).__name__ == "ConvolutionByProduct"
    given = np.random.default_rng(0).normal(size=(3, side, side, 4)).astype(np.float32)
    found = []
    for model in (plain, faster):
        batch = tf.constant(given)
        with tf.GradientTape() as tape:
            tape.watch(batch)
            outputs = model(batch, training=True)
            loss = tf.reduce_sum(outputs**2)
        of = [batch, *(one.value for one in model.trainable_variables)]
        found.append([outputs, *tape.gradient(loss, of)])
    for own, ours in zip(*found, strict=True):
        assert own.shape == ours.shape
        np.testing.assert_allclose(ours, own, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_any_other_is_left_to_keras(name: str) -> None:
    plain = network(*CONVOLUTIONS[name])
    assert faster_in_training(plain) is plain
