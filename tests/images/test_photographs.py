"""The steps for photographs: the middle square of one, or all of it on white."""

import numpy as np
import pytest
from PIL import Image

from model_zoo.images import Prepared, image_of, prepare
from model_zoo.images.decode import Decoded

CROPPED = ("upright", "flatten", "resize", "centre-crop")
WHOLE = ("upright", "flatten", "whole-on-white")


def prepared(pixels: np.ndarray, steps: tuple[str, ...], side: int = 20, grey: int = 3) -> Prepared:
    return prepare(decoded_of(pixels), (side, side, grey), steps)


def decoded_of(pixels: np.ndarray) -> Decoded:
    rgba = np.asarray(Image.fromarray(pixels).convert("RGBA"))
    return Decoded(rgba, (rgba.shape[1], rgba.shape[0]), 1, False)


def thirds(height: int, width: int) -> np.ndarray:
    """Red, green and blue beside each other."""
    pixels = np.zeros((height, width, 3), np.uint8)
    for colour, columns in enumerate(np.array_split(np.arange(width), 3)):
        pixels[:, columns, colour] = 250
    return pixels


def test_the_middle_of_a_wide_picture_is_kept_in_its_proportions() -> None:
    found = prepared(thirds(40, 120), CROPPED)
    assert found.image.shape == (20, 20, 3)
    assert (found.image[:, 2:-2, 1] > 200).all(), "the green third is a square"
    resize, crop = found.steps[2:]
    assert resize.note == "scaled to 60 x 20, proportions kept"
    assert crop.note == "the middle 20 x 20 pixels are kept" and crop.changed


@pytest.mark.parametrize(("height", "width"), [(1, 300), (300, 1), (7, 9), (20, 20), (21, 20)])
def test_any_proportions_end_as_the_square(height: int, width: int) -> None:
    for steps in (CROPPED, WHOLE):
        found = prepared(thirds(height, width), steps)
        assert found.image.shape == (20, 20, 3)
        assert "stretched" not in found.steps[-1].note
        alone = image_of(decoded_of(thirds(height, width)), (20, 20, 3), steps)
        np.testing.assert_array_equal(alone, found.image)


def test_the_whole_of_a_wide_picture_lies_on_white() -> None:
    found = prepared(thirds(10, 30), WHOLE, side=30)
    assert (found.image[:9] == 255).all() and (found.image[-9:] == 255).all()
    np.testing.assert_allclose(found.image[15, 3], (250, 0, 0), atol=5)
    assert found.steps[-1].note == "scaled to 30 x 30, proportions kept, white around it"


def test_a_grey_dataset_gets_grey_photographs() -> None:
    for steps in (CROPPED, WHOLE):
        assert prepared(thirds(40, 60), steps, grey=1).image.shape == (20, 20)


def test_without_the_crop_the_rest_is_stretched_and_that_is_said() -> None:
    rgba = np.asarray(Image.fromarray(thirds(40, 120)).convert("RGBA"))
    found = prepare(Decoded(rgba, (120, 40), 1, False), (20, 20, 3), CROPPED, ("centre-crop",))
    assert found.image.shape == (20, 20, 3) and "stretched" in found.steps[-1].note
