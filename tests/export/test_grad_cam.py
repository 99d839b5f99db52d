"""Grad-CAM in one pass is Grad-CAM: equal to automatic differentiation, for every backbone."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks.heatmap import two_pass
from model_zoo import backbones
from model_zoo.classifier import build_classifier, head_from
from model_zoo.config import load_settings
from model_zoo.data.fashion_mnist import FASHION_MNIST
from model_zoo.data.sample import draw
from model_zoo.grad_cam import explained

backbones.discover(load_settings().plugins_dir)
backbones.discover(Path(__file__).parents[1] / "plugins")


@pytest.mark.parametrize("name", backbones.list_backbones())
def test_the_closed_form_equals_automatic_differentiation(name: str) -> None:
    size = max(28, backbones.get_backbone(name).smallest_size)
    settings = load_settings(backbone=name, image_size=size, weights="none", dropout=0.3)
    model = build_classifier(FASHION_MNIST, settings, head_from(settings))
    random = np.random.default_rng(0)
    images = np.stack([draw(label, random) for label in (1, 9)])

    statistics = [np.asarray(one) for one in model.non_trainable_variables]

    found = {key: np.asarray(value) for key, value in explained(model)(images).items()}

    np.testing.assert_allclose(found["probabilities"], model(images, training=False), atol=1e-6)
    for before, after in zip(statistics, model.non_trainable_variables, strict=True):
        np.testing.assert_array_equal(before, after, "explaining a model must not train it")
    by_gradients = two_pass(model)
    top = found["probabilities"].argmax(axis=1).astype(np.int32)
    named = np.array([3, 7], np.int32)
    for classes, maps in (
        (top, found["heatmap"]),
        (top, found["heatmaps"][np.arange(2), top]),
        (named, found["heatmaps"][np.arange(2), named]),
    ):
        expected = np.asarray(by_gradients(images, classes))
        assert expected.max() > 0, "a heatmap of nothing would prove nothing"
        np.testing.assert_allclose(maps, expected, atol=1e-5 * expected.max())
