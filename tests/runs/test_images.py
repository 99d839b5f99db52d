"""What early stopping chose by is not what the temperature is fitted on."""

import numpy as np

from model_zoo.runs.images import halves


def test_the_images_held_out_are_halved_class_by_class() -> None:
    labels = np.repeat([0, 1, 2], (60, 30, 10))
    held_out = np.random.default_rng(0).permutation(100)[:50]
    stopping, calibration = halves(labels, held_out)
    assert sorted([*stopping, *calibration]) == sorted(held_out)
    for label in range(3):
        of_class = [int((labels[half] == label).sum()) for half in (stopping, calibration)]
        assert abs(of_class[0] - of_class[1]) <= 1


def test_a_single_image_serves_both() -> None:
    stopping, calibration = halves(np.zeros(3, int), np.array([2]))
    assert stopping.tolist() == calibration.tolist() == [2]
