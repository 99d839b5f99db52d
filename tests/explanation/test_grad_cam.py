"""Grad-CAM in one pass is Grad-CAM: equal to automatic differentiation, for every backbone."""

from pathlib import Path

import keras
import numpy as np
import pytest

from benchmarks.heatmap import two_pass
from model_zoo import backbones
from model_zoo.classifier import build_classifier, head_from
from model_zoo.config import load_settings
from model_zoo.data.fashion_mnist.sample import draw
from model_zoo.data.fashion_mnist.source import FASHION_MNIST
from model_zoo.explanation.grad_cam import explained

backbones.discover(load_settings().plugins_dir)
backbones.discover(Path(__file__).parents[1] / "plugins")


def give_statistics(trunk: keras.Model, model: keras.Model) -> None:
    """Batch normalisation as after training: untrained, deep trunks give features of 1e-7."""
    random = np.random.default_rng(1)
    for layer in trunk.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.0
    model(np.stack([draw(label, random) for label in range(10)]), training=True)


@pytest.mark.parametrize("name", backbones.list_backbones())
def test_the_closed_form_equals_automatic_differentiation(name: str) -> None:
    size = max(28, backbones.get_backbone(name).smallest_size)
    settings = load_settings(backbone=name, image_size=size, weights="none", dropout=0.3)
    model = build_classifier(FASHION_MNIST, settings, head_from(settings))
    random = np.random.default_rng(0)
    images = np.stack([draw(label, random) for label in (1, 9)])
    give_statistics(model.get_layer(name), model)

    statistics = [np.asarray(one) for one in model.non_trainable_variables]

    found = {key: np.asarray(value) for key, value in explained(model)(images).items()}

    np.testing.assert_allclose(found["probabilities"], model(images, training=False), atol=1e-6)
    for before, after in zip(statistics, model.non_trainable_variables, strict=True):
        np.testing.assert_array_equal(before, after, "explaining a model must not train it")
    by_gradients = two_pass(model)
    every = range(len(FASHION_MNIST.labels))
    expected = np.stack(
        [np.asarray(by_gradients(images, np.full(2, one, np.int32))) for one in every], axis=1
    )
    assert expected.max() > 0, "heatmaps of nothing would prove nothing"
    tolerance = 1e-5 * expected.max()
    np.testing.assert_allclose(found["heatmaps"], expected, atol=tolerance)
    top = found["probabilities"].argmax(axis=1)
    np.testing.assert_allclose(found["heatmap"], expected[np.arange(2), top], atol=tolerance)
