"""What augmentation does to an image beside what it is asked for: nothing."""

import numpy as np

from model_zoo.classifier import augmentation_layers
from model_zoo.settings import Augmentation


def test_a_shifted_image_is_as_sharp_as_those_that_are_judged() -> None:
    """Between whole pixels it would be the mean of neighbours: in 28 pixels that is a blur."""
    board = (np.indices((28, 28)).sum(axis=0) % 2 * 255).astype(np.float32)[None, ..., None]
    images = np.repeat(board, 64, axis=0)
    (layer,) = augmentation_layers(Augmentation(flip=False, shift=0.07), 1, seed=1)
    shifted = np.asarray(layer(images, training=True))
    assert set(np.unique(shifted)) == {0.0, 255.0}
    assert len(np.unique(shifted, axis=0)) > 8, "each image by another amount"
