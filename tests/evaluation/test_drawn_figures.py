"""Figures are drawn for grey and colour, two classes and hundreds."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from model_zoo.data.dataset import Images
from model_zoo.evaluation import figures
from model_zoo.evaluation.metrics import score


@pytest.mark.parametrize("shape", [(40, 30), (40, 30, 3)])
def test_samples_of_grey_and_of_colour(shape: tuple[int, ...], tmp_path: Path) -> None:
    pixels = np.zeros((6, *shape), np.uint8)
    pixels[..., 0] = 255  # red where there is colour, a white edge where not
    images = Images(pixels, np.array([0, 0, 0, 1, 1, 1], np.int32))
    page = np.asarray(Image.open(figures.samples_page(images, ("a", "b"), tmp_path / "page.png")))
    coloured = bool((page[..., 0].astype(int) - page[..., 1] > 200).any())
    assert coloured is (len(shape) == 3)


@pytest.mark.parametrize("classes", [2, 300])
def test_any_number_of_classes_can_be_drawn(classes: int, tmp_path: Path) -> None:
    names = tuple(f"class {i} of a kind with a name that is long" for i in range(classes))
    images = Images(np.zeros((classes, 8, 8), np.uint8), np.arange(classes, dtype=np.int32))
    labels = images.labels
    measured = score(np.roll(np.eye(classes), 1, axis=1), labels, names)
    rows = measured["per_class"]
    drawn = [
        figures.samples_page(images, names, tmp_path / "samples.png", columns=2),
        figures.confusion_figure(measured, tmp_path / "confusion.png"),
        figures.per_class_figure(rows, tmp_path / "per_class.png"),
    ]
    assert all(max(Image.open(path).size) < 5000 for path in drawn)


@pytest.mark.parametrize("wrong", [0, 3, 40])
def test_the_most_confident_mistakes_are_drawn_and_no_more_than_fit(
    wrong: int, tmp_path: Path
) -> None:
    labels = np.zeros(50, np.int32)
    test = Images(np.full((50, 8, 8, 3), 90, np.uint8), labels)
    predicted = (np.arange(50) < wrong).astype(int)
    calibrated = np.full((50, 2), 0.2)
    calibrated[np.arange(50), predicted] = 0.8
    path = figures.mistakes_figure(test, calibrated, ("cat", "dog"), tmp_path / "mistakes.png")
    assert max(Image.open(path).size) < 2000
