"""Grad-CAM in one pass is Grad-CAM: equal to automatic differentiation, for grey and colour."""

from pathlib import Path

import keras
import numpy as np
import pytest

from benchmarks.heatmap import two_pass
from model_zoo.backbones import discover, get_backbone
from model_zoo.classifier import Head, build_classifier
from model_zoo.data.dataset import Dataset
from model_zoo.data.fashion_mnist.description import DATASET
from model_zoo.explanation.grad_cam import explained
from model_zoo.settings import Augmentation, ModelSettings

ROOT = Path(__file__).parents[2]
COLOURS = Dataset("colours", ("red", "green", "blue"), (40, 30, 3), ("upright", "flatten", "fit"))
HEAD = Head(dense_1=256, dense_2=128, dropout=0.3, learning_rate=0.001)
ONE_A_FAMILY = [
    ("tiny", DATASET),
    ("resnet50", DATASET),
    ("mobilenet_v3_small", DATASET),
    ("efficientnet_b0", DATASET),
    ("vit_tiny", DATASET),
    ("wrn_16_2", DATASET),
    ("tiny", COLOURS),
    ("mobilenet_v2", COLOURS),
]


@pytest.fixture(scope="module", autouse=True)
def zoo() -> None:
    discover(ROOT / "plugins")
    discover(ROOT / "tests" / "plugins")


def give_statistics(trunk: keras.Model, model: keras.Model, images: np.ndarray) -> None:
    """Batch normalisation as after training: untrained, deep trunks give features of 1e-7."""
    for layer in trunk.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.0
    model(images, training=True)


@pytest.mark.parametrize(
    ("name", "dataset"), ONE_A_FAMILY, ids=[f"{name}-{one.name}" for name, one in ONE_A_FAMILY]
)
def test_the_closed_form_equals_automatic_differentiation(name: str, dataset: Dataset) -> None:
    size = max(28, get_backbone(name).smallest_size)
    chosen = ModelSettings(backbone=name, image_size=size, weights="none")
    model = build_classifier(dataset, chosen, Augmentation(shift=0.1), HEAD, seed=20)
    random = np.random.default_rng(0)
    shades = np.linspace(40, 255, 10).reshape(10, *(1 for _ in dataset.array_shape))
    many = (random.random((10, *dataset.array_shape)) * shades).astype(np.uint8)
    give_statistics(model.get_layer(name), model, many)
    images = many[[1, 9]]
    statistics = [np.asarray(one) for one in model.non_trainable_variables]

    found = {key: np.asarray(value) for key, value in explained(model)(images).items()}

    np.testing.assert_allclose(found["probabilities"], model(images, training=False), atol=1e-6)
    for before, after in zip(statistics, model.non_trainable_variables, strict=True):
        np.testing.assert_array_equal(before, after, "explaining a model must not train it")
    by_gradients = two_pass(model)
    every = range(len(dataset.labels))
    expected = np.stack(
        [np.asarray(by_gradients(images, np.full(2, one, np.int32))) for one in every], axis=1
    )
    assert expected.max() > 0, "heatmaps of nothing would prove nothing"
    tolerance = 1e-5 * expected.max()
    ranked = np.argsort(-found["probabilities"], axis=1, kind="stable")
    np.testing.assert_array_equal(found["explained"], ranked)
    in_order = np.take_along_axis(expected, ranked[:, :, None, None], axis=1)
    np.testing.assert_allclose(found["heatmaps"], in_order, atol=tolerance)
    top = found["probabilities"].argmax(axis=1)
    np.testing.assert_allclose(found["heatmap"], expected[np.arange(2), top], atol=tolerance)
    keras.utils.clear_session()


def test_of_a_thousand_classes_the_five_most_likely_are_explained() -> None:
    many = Dataset("many", tuple(map(str, range(1000))), (28, 28, 1), ("fit",))
    chosen = ModelSettings(backbone="tiny", image_size=28, weights="none")
    model = build_classifier(many, chosen, Augmentation(), HEAD, seed=20)
    images = np.random.default_rng(0).integers(0, 256, (3, 28, 28), np.uint8)
    found = {key: np.asarray(value) for key, value in explained(model)(images).items()}
    assert found["heatmaps"].shape == (3, 5, 7, 7) and found["explained"].shape == (3, 5)
    every = explained(model, most=1000)(images)
    np.testing.assert_array_equal(found["explained"], np.asarray(every["explained"])[:, :5])
    np.testing.assert_allclose(found["heatmaps"], np.asarray(every["heatmaps"])[:, :5], rtol=1e-5)
    np.testing.assert_array_equal(found["heatmap"], found["heatmaps"][:, 0])
    keras.utils.clear_session()
