"""Colour images that are not square, of three classes: trained on, whole and on features."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from model_zoo.classifier import augmentation_layers, head_from
from model_zoo.data.source import SOURCES, Found
from model_zoo.explanation.grad_cam import explained
from model_zoo.settings import Augmentation, Places, Project
from model_zoo.training import phases
from model_zoo.training.feature_cache import FeatureCache


@pytest.fixture(scope="module")
def found(places: Places, chosen: Callable[..., Project]) -> Found:
    return SOURCES.get("colours")(chosen().data, places, lambda line: None)


@pytest.mark.parametrize("frozen", [False, True])
def test_a_classifier_of_three_colours_is_trained_and_explained(
    found: Found, chosen: Callable[..., Project], weights: str, frozen: bool, tmp_path: Path
) -> None:
    project = chosen(
        model__weights=weights if frozen else "none",
        training__learning_rate=0.01,
        training__feature_views=2,
        training__augmentation__shift=0.1,
        training__augmentation__rotation=0.05,
        training__augmentation__erase=0.1,
        training__augmentation__fill="mirror",
        training__augmentation__light=0.1,
        training__augmentation__saturation=0.1,
        training__augmentation__hue=0.02,
    )
    cache = FeatureCache(tmp_path / "features", 1.0)
    model, progress = phases.train_classifier(
        found.dataset, project.model, project.training, head_from(project.model, project.training),
        found.training, found.test, tmp_path / "run", cache, lambda *_: None, lambda line: None,
    )  # fmt: skip
    assert model.input_shape == (None, 40, 30, 3) and model.output_shape == (None, 3)
    assert len(list(cache.folder.glob("*.npy"))) == (3 if frozen else 0)
    assert progress.best_accuracy > 0.6, "three classes: chance is a third"
    answers = {k: np.asarray(v) for k, v in explained(model)(found.test.images[:4]).items()}
    assert answers["heatmaps"].shape == (4, 3, 7, 7) and answers["heatmap"].shape == (4, 7, 7)
    assert answers["heatmaps"].max() > 0
    np.testing.assert_allclose(answers["probabilities"].sum(axis=1), 1, atol=1e-5)


@pytest.mark.parametrize(
    ("chosen", "most"),
    [({"light": 0.1}, 0.1 * 255 + 0.1 * 60), ({"saturation": 0.2}, 25.0), ({"hue": 0.01}, 10.0)],
)
def test_light_and_colour_change_by_no_more_than_was_chosen(
    chosen: dict[str, float], most: float
) -> None:
    random = np.random.default_rng(0)
    images = random.uniform(60, 180, (64, 6, 6, 3)).astype(np.float32)
    (layer,) = augmentation_layers(Augmentation(flip=False, **chosen), 3, seed=1)
    changed = np.abs(np.asarray(layer(images, training=True)) - images).max(axis=(1, 2, 3))
    assert np.median(changed) > 0 and changed.max() <= most
    assert np.ptp(changed) > 0, "each image by another amount"
    np.testing.assert_array_equal(np.asarray(layer(images, training=False)), images)


def test_grey_images_have_light_and_no_colour() -> None:
    wanted = Augmentation(flip=False, light=0.1, saturation=0.5, hue=0.1)
    (layer,) = augmentation_layers(wanted, 1, seed=1)
    assert np.asarray(layer(np.full((2, 4, 4, 1), 99, np.float32), training=True)).shape[-1] == 1
