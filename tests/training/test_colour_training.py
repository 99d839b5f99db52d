"""Colour images that are not square, of three classes: trained on, whole and on features."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from model_zoo.classifier import head_from
from model_zoo.data.source import SOURCES, Found
from model_zoo.explanation.grad_cam import explained
from model_zoo.settings import Places, Project
from model_zoo.training import phases
from model_zoo.training.features import FeatureCache


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
        training__augmentation__shift=0.1,
        training__augmentation__rotation=0.05,
        training__augmentation__erase=0.1,
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
