"""The steps for photographs: the middle square of one, or all of it on white."""

import io

import numpy as np
import pytest
from PIL import Image

from model_zoo.images import Prepared, decode_for, image_of, prepare, read_image
from model_zoo.images.decode import Decoded, decode

CROPPED = ("upright", "flatten", "resize", "centre-crop")
WHOLE = ("upright", "flatten", "whole-on-white")


def prepared(pixels: np.ndarray, steps: tuple[str, ...], side: int = 20, grey: int = 3) -> Prepared:
    return prepare(decoded_of(pixels), (side, side, grey), steps)


def decoded_of(pixels: np.ndarray) -> Decoded:
    picture = Image.fromarray(pixels)
    return Decoded(picture, picture.size, 1)


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


@pytest.mark.parametrize(("height", "width"), [(192, 256), (100, 333), (61, 40)])
def test_the_middle_is_the_same_where_the_rest_of_the_scaled_picture_is_never_made(
    height: int, width: int
) -> None:
    decoded = decoded_of(np.asarray(photograph(width, height)))
    scale = 32 / min(height, width)
    rows, columns = max(32, round(height * scale)), max(32, round(width * scale))
    whole = decoded.picture.resize((columns, rows), Image.Resampling.BILINEAR)
    top, left = (rows - 32) // 2, (columns - 32) // 2
    expected = np.asarray(whole)[top : top + 32, left : left + 32].astype(int)
    middle = image_of(decoded, (32, 32, 3), CROPPED)
    assert np.abs(middle - expected).max() <= 1, "but for rounding"
    np.testing.assert_array_equal(prepare(decoded, (32, 32, 3), CROPPED).image, middle)


def test_the_whole_of_a_wide_picture_lies_on_white() -> None:
    found = prepared(thirds(10, 30), WHOLE, side=30)
    assert (found.image[:9] == 255).all() and (found.image[-9:] == 255).all()
    np.testing.assert_allclose(found.image[15, 3], (250, 0, 0), atol=5)
    assert found.steps[-1].note == "scaled to 30 x 30, proportions kept, white around it"


def test_a_grey_dataset_gets_grey_photographs() -> None:
    for steps in (CROPPED, WHOLE):
        assert prepared(thirds(40, 60), steps, grey=1).image.shape == (20, 20)


def test_without_the_crop_the_rest_is_stretched_and_that_is_said() -> None:
    found = prepare(decoded_of(thirds(40, 120)), (20, 20, 3), CROPPED, ("centre-crop",))
    assert found.image.shape == (20, 20, 3) and "stretched" in found.steps[-1].note


def photograph(width: int, height: int) -> Image.Image:
    """Patches of colour of a few pixels, and noise."""
    random = np.random.default_rng(0)
    coarse = random.integers(0, 256, (height // 8, width // 8, 3), np.uint8)
    smooth = Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)
    noise = random.normal(0, 6, (height, width, 3))
    return Image.fromarray(np.clip(np.asarray(smooth) + noise, 0, 255).astype(np.uint8))


def jpeg(picture: Image.Image) -> bytes:
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=90)
    return file.getvalue()


@pytest.mark.parametrize("side", [80, 112, 128])
def test_a_fraction_of_a_jpeg_differs_less_from_the_whole_than_another_filter_makes(
    side: int,
) -> None:
    content = jpeg(photograph(1024, 768))
    decoded = decode_for(content, (side, side, 3), CROPPED, 10**8)
    assert decoded.picture.size == (256, 192)
    whole = Image.open(io.BytesIO(content)).resize((512, 384), Image.Resampling.BOX)
    expected = image_of(Decoded(whole, whole.size, 1), (side, side, 3), CROPPED).astype(int)
    wide = round(512 * side / 384)
    filtered = whole.resize((wide, side), Image.Resampling.BOX)
    left = (wide - side) // 2
    other = np.asarray(filtered)[:, left : left + side]
    from_few = image_of(decoded, (side, side, 3), CROPPED)
    assert np.abs(from_few - expected).mean() < np.abs(other - expected).mean()


def test_steps_that_look_closer_get_all_that_is_kept() -> None:
    content = jpeg(photograph(1024, 768))
    steps = ("upright", "flatten", "invert")
    assert decode_for(content, (28, 28, 1), steps, 10**8).picture.size == (512, 384)
    assert decode(content, 10**8).picture.size == (512, 384)
    assert decode_for(content, (28, 28, 1), CROPPED, 10**8).picture.size == (256, 192)


def test_training_and_serving_see_the_same_pixels_of_a_jpeg() -> None:
    content = jpeg(photograph(800, 600))
    decoded = decode_for(content, (64, 64, 3), CROPPED, 10**8)
    np.testing.assert_array_equal(
        read_image(content, (64, 64, 3), CROPPED, 10**8),
        prepare(decoded, (64, 64, 3), CROPPED).image,
    )
