"""Heatmaps: of the top class, or of every class where a version gives them."""

from dataclasses import replace

import numpy as np

from dash_app.page.pictures import heatmaps_of
from model_zoo.predictor import Prediction

LABELS = ("Coat", "Shirt")


def prediction() -> Prediction:
    return Prediction(
        label="Shirt",
        confidence=0.8,
        labels=LABELS,
        probabilities=np.array([0.2, 0.8]),
        image=np.zeros((28, 28), np.uint8),
        heatmap=np.eye(7, dtype=np.float32),
    )


def test_only_the_top_class_is_offered_when_only_its_map_is_there() -> None:
    assert list(heatmaps_of(prediction())) == ["Shirt"]


def test_every_class_is_offered_when_every_map_is_there() -> None:
    maps = np.stack([np.zeros((7, 7)), np.eye(7)]).astype(np.float32)
    found = heatmaps_of(replace(prediction(), heatmaps=maps))
    assert list(found) == list(LABELS)
    assert found["Coat"] != found["Shirt"]
    assert found["Shirt"] == heatmaps_of(prediction())["Shirt"]


def test_a_map_of_a_single_cell_points_at_nothing_and_is_not_offered() -> None:
    one = replace(
        prediction(),
        heatmap=np.ones((1, 1), np.float32),
        heatmaps=np.ones((2, 1, 1), np.float32),
    )
    assert heatmaps_of(one) == {}
