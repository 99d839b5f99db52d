"""Any picture of a garment becomes like the dataset's: found, light on black, filling the image."""

import io

import numpy as np
import pytest
from PIL import Image

from model_zoo.data.fashion_mnist.description import DATASET
from model_zoo.images import Prepared, decode, prepare

SHAPE = DATASET.array_shape


def coat(background: int, cloth: int, shape: tuple[int, int] = (300, 400)) -> np.ndarray:
    """A dark or light rectangle, higher than wide, in the upper right of a noisy photograph."""
    photo = np.full(shape, float(background))
    photo[30:190, 250:330] = cloth
    photo += np.random.default_rng(1).normal(0, 3, shape)
    return photo.clip(0, 255).astype(np.uint8)


def prepared(pixels: np.ndarray, *without: str, kind: str = "PNG") -> Prepared:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind)
    decoded = decode(file.getvalue(), 10**8)
    return prepare(decoded, DATASET.image_shape, DATASET.preparation, without)


def note_of(found: Prepared, name: str) -> str:
    return next(one.note for one in found.steps if one.name == name)


def test_a_dark_garment_on_white_is_found_cropped_centred_and_light_on_black() -> None:
    image = prepared(coat(240, 30), kind="JPEG").image
    assert image.shape == SHAPE and image.dtype == np.uint8
    assert image[14, 14] > 240 and image[2, 14] > 200 and image[-3, 14] > 200, "fills the height"
    assert image[:, :6].max() == 0 and image[:, -6:].max() == 0, "proportions kept, black beside it"


def test_a_light_garment_on_a_dark_floor_is_not_inverted() -> None:
    found = prepared(coat(60, 220))
    step = next(one for one in found.steps if one.name == "invert")
    assert not step.changed and "lighter than its background" in step.note
    assert found.image[14, 14] > 240 and found.image[:, 0].max() == 0


def test_a_colour_as_bright_as_its_background_is_found_by_its_hue() -> None:
    photo = np.full((200, 200, 3), 120, np.uint8)
    photo[40:160, 70:130] = (190, 90, 95)  # nearly the same luma
    found = prepared(photo)
    assert found.doubts == ("what the model sees is blank, or nearly so",), "it sees no hue"
    assert note_of(found, "crop-to-garment") == "the garment fills 18% of the picture"


def test_a_picture_of_the_datasets_size_is_left_as_it_is() -> None:
    garment = np.zeros(SHAPE, np.uint8)
    garment[4:20, 9:15] = 90
    found = prepared(garment)
    np.testing.assert_array_equal(found.image, garment)
    assert found.doubts == () and not any(one.changed for one in found.steps)
    assert note_of(found, "blacken") == "already 28 x 28, as in the dataset"
    np.testing.assert_array_equal(prepared(255 - garment).image, garment)


def test_a_picture_that_crops_to_the_datasets_size_is_still_blackened() -> None:
    photo = np.full((200, 200), 240, np.uint8)
    photo[60:86, 60:86] = 30  # with its margin of a pixel on each side
    found = prepared(photo)
    assert "became 0" in note_of(found, "blacken") and found.image[0, 0] == 0


def test_a_cutout_on_nothing_is_found() -> None:
    pixels = np.zeros((120, 120, 4), np.uint8)  # black where it is transparent
    pixels[20:100, 40:80] = (10, 10, 10, 255)
    assert prepared(pixels).image[14, 14] > 240
    assert prepared(pixels, "flatten").image[14, 14] < 60, "without: black on black"


def cut_out(tone: int, rim: int, side: int = 120) -> np.ndarray:
    """RGBA: a garment of one tone whose rim has another; black where nothing is."""
    pixels = np.zeros((side, side, 4), np.uint8)
    top, left = side // 6, side // 3
    pixels[top:-top, left:-left] = (rim, rim, rim, 255)
    depth = max(1, round(0.03 * side))
    pixels[top + depth : -top - depth, left + depth : -left - depth, :3] = tone
    return pixels


@pytest.mark.parametrize("side", [28, 120])
@pytest.mark.parametrize(
    ("tone", "rim", "inverted"),
    [(255, 255, False), (0, 0, True), (90, 90, True), (90, 30, False), (160, 230, True)],
)
def test_the_outline_of_a_cutout_is_its_transparency_whatever_its_tone(
    side: int, tone: int, rim: int, inverted: bool
) -> None:
    """The rim tells from which background it was cut: dark, and so the garment is light."""
    found = prepared(cut_out(tone, rim, side))
    assert note_of(found, "invert").startswith("inverted" if inverted else "not needed")
    assert note_of(found, "blacken") == "what is transparent became 0"
    assert found.image[14, 14] > 200 and found.image[:, 0].max() == 0 and found.doubts == ()


def test_an_outline_that_fades_stays_so_and_a_shadow_is_left_away() -> None:
    pixels = cut_out(30, 30)
    pixels[20:32, 40:80, 3] = 180
    pixels[100:115, 40:80] = (0, 0, 0, 60)
    image = prepared(pixels).image
    assert 165 < image[2, 14] < 195 and image[14, 14] > 250
    assert image[-2, 14] > 200, "the box ends with the garment"


def test_a_frame_that_is_clear_is_no_outline() -> None:
    """Rounded corners, say."""
    pixels = np.dstack([*[coat(240, 30)] * 3, np.full((300, 400), 255, np.uint8)])
    pixels[:3, :3, 3] = 0
    assert "garment is darker" in note_of(prepared(pixels), "invert")


def test_false_colours_of_the_datasets_size_are_levelled() -> None:
    """As a plotting library writes an array: dark violet for 0, yellow for the largest."""
    garment = np.zeros(SHAPE)
    garment[4:20, 9:15] = np.linspace(0.3, 1, 6)
    violet, yellow = np.array([68.0, 1, 84]), np.array([253.0, 231, 37])
    coloured = np.rint(violet + garment[..., None] * (yellow - violet)).astype(np.uint8)
    found = prepared(coloured)
    np.testing.assert_allclose(found.image, 255 * garment, atol=2)
    assert note_of(found, "blacken") == "background 30 of 255 became 0"


@pytest.mark.parametrize("noise", [0, 2])
@pytest.mark.parametrize("side", [28, 200])
@pytest.mark.parametrize("grey", [3, 120, 250])
def test_a_blank_picture_is_said_to_be_blank(grey: int, side: int, noise: int) -> None:
    pixels = grey + np.random.default_rng(0).normal(0, noise, (side, side))
    found = prepared(pixels.clip(0, 255).astype(np.uint8))
    assert found.doubts[0] == "the picture is blank, or nearly so"


def test_a_picture_that_is_all_clear_is_said_to_be_blank() -> None:
    clear = np.full((50, 50, 4), (200, 30, 30, 0), np.uint8)
    assert prepared(clear).doubts[0] == "the picture is blank: all of it is transparent"


@pytest.mark.parametrize("name", DATASET.preparation)
def test_every_step_can_be_switched_off_and_is_told(name: str) -> None:
    found = prepared(coat(240, 30), name)
    assert tuple(one.name for one in found.steps) == DATASET.preparation
    (step,) = (one for one in found.steps if one.name == name)
    assert not step.changed and step.note.startswith("switched off")
    assert all(max(one.picture.shape[:2]) <= 112 for one in found.steps)
    assert found.image.shape == SHAPE


def test_what_each_step_leaves_is_not_needed_by_the_next() -> None:
    """Each own step finds the garment itself, in the colours that it had."""
    whole = note_of(prepared(coat(240, 30)), "crop-to-garment")
    assert note_of(prepared(coat(240, 30), "invert"), "crop-to-garment") == whole
    alone = prepared(coat(60, 220), "invert", "crop-to-garment")
    assert "background 59 of 255" in note_of(alone, "blacken")


def test_a_picture_of_nothing_is_used_whole_and_says_so() -> None:
    found = prepared(np.full((100, 150), 200, np.uint8))
    assert found.doubts == (
        "the picture is blank, or nearly so",
        "no garment could be told apart from the background",
    )
    assert "no garment told apart" in note_of(found, "crop-to-garment")
