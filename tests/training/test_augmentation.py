"""What augmentation does to an image beside what it is asked for: nothing."""

from collections.abc import Callable

import numpy as np
import pytest

from model_zoo.classifier import PIXELS, augmentation_layers, build_classifier, head_from
from model_zoo.data.source import SOURCES
from model_zoo.settings import Augmentation, Places, Project


def test_a_shifted_image_is_as_sharp_as_those_that_are_judged() -> None:
    """Between whole pixels it would be the mean of neighbours: in 28 pixels that is a blur."""
    board = (np.indices((28, 28)).sum(axis=0) % 2 * 255).astype(np.float32)[None, ..., None]
    images = np.repeat(board, 64, axis=0)
    (layer,) = augmentation_layers(Augmentation(flip=False, shift=0.07), 1, seed=1)
    shifted = np.asarray(layer(images, training=True))
    assert set(np.unique(shifted)) == {0.0, 255.0}
    assert len(np.unique(shifted, axis=0)) > 8, "each image by another amount"


@pytest.mark.parametrize(("side", "seen"), [(48, (48, 48, 3)), (28, (40, 30, 3))])
def test_a_small_image_is_enlarged_before_it_is_turned_and_a_large_one_made_smaller_after_it(
    chosen: Callable[..., Project], places: Places, side: int, seen: tuple[int, ...]
) -> None:
    project = chosen(model__image_size=side, training__augmentation__rotation=0.1)
    dataset = SOURCES.get("colours")(project.data, places, lambda line: None).dataset
    assert dataset.image_shape == (40, 30, 3)
    training = project.training
    model = build_classifier(
        dataset, project.model, training.augmentation, head_from(project.model, training), seed=1
    )
    assert model.get_layer(PIXELS).output.shape[1:] == seen
