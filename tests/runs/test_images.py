"""What early stopping chose by is not what the temperature is fitted on."""

import numpy as np

from model_zoo.runs.images import halves


def test_the_images_held_out_are_halved_class_by_class() -> None:
    labels = np.random.default_rng(0).permutation(np.repeat([0, 1, 2], (31, 14, 5)))
    stopping, calibration = halves(labels)
    assert sorted([*stopping, *calibration]) == list(range(50))
    for label in range(3):
        of_class = [int((labels[half] == label).sum()) for half in (stopping, calibration)]
        assert abs(of_class[0] - of_class[1]) <= 1


def test_a_single_image_serves_both() -> None:
    stopping, calibration = halves(np.array([2]))
    assert stopping.tolist() == calibration.tolist() == [0]
