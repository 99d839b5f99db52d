"""Pictures of the page: images in their own proportions, heatmaps of every class over them."""

import base64
import io
from dataclasses import replace

import numpy as np
from PIL import Image

from dash_app.page.pictures import heatmaps_of, pixels
from model_zoo.predictor import Prediction

PREDICTION = Prediction(
    label="Shirt",
    confidence=0.8,
    labels=("Coat", "Shirt"),
    probabilities=np.array([0.2, 0.8]),
    image=np.zeros((40, 30, 3), np.uint8),
    heatmap=np.eye(7, dtype=np.float32),
    heatmaps=np.stack([np.eye(7), np.zeros((7, 7))]).astype(np.float32),
    explained=("Shirt", "Coat"),
)


def size_of(url: str) -> tuple[int, int]:
    return Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))).size


def test_every_class_has_its_map() -> None:
    found = heatmaps_of(PREDICTION)
    assert list(found) == ["Shirt", "Coat"]
    assert found["Coat"] != found["Shirt"]


def test_an_image_and_its_heatmap_have_the_same_proportions() -> None:
    assert size_of(pixels(PREDICTION.image, "a picture").src) == (30, 40)
    assert size_of(heatmaps_of(PREDICTION)["Shirt"]) == (84, 112)


def test_small_images_show_their_pixels_and_large_ones_are_smooth() -> None:
    assert pixels(PREDICTION.image, "small").className == "pixels"
    assert "smooth" in pixels(np.zeros((224, 224), np.uint8), "large").className


def test_a_map_of_a_single_cell_points_at_nothing_and_is_not_offered() -> None:
    one = replace(
        PREDICTION,
        heatmap=np.ones((1, 1), np.float32),
        heatmaps=np.ones((2, 1, 1), np.float32),
    )
    assert heatmaps_of(one) == {}
