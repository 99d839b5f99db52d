"""A picture that somebody took becomes what the model was trained on, step by step."""

import io
import sys

import numpy as np
import pytest
from PIL import ExifTags, Image

from benchmarks.fuzz_uploads import encoded
from model_zoo.images import STEPS, NotAnImage, Preparation, decode, prepare, read_image
from model_zoo.images.decode import FORMATS

SHAPE = (28, 28)
SIDEWAYS = Image.Exif()
SIDEWAYS[ExifTags.Base.Orientation] = 6


def file_of(pixels: np.ndarray, kind: str = "PNG", **options: object) -> bytes:
    target = io.BytesIO()
    Image.fromarray(pixels).save(target, kind, **options)
    return target.getvalue()


def coat(background: int, cloth: int, shape: tuple[int, int] = (300, 400)) -> np.ndarray:
    """A dark or light rectangle, higher than wide, in the upper right of a noisy photograph."""
    photo = np.full(shape, float(background))
    photo[30:190, 250:330] = cloth
    photo += np.random.default_rng(1).normal(0, 3, shape)
    return photo.clip(0, 255).astype(np.uint8)


def seen(content: bytes, *without: str) -> np.ndarray:
    return read_image(content, SHAPE, 10**8, Preparation.without(*without))


def test_a_dark_garment_on_white_is_found_cropped_centred_and_light_on_black() -> None:
    image = seen(file_of(coat(240, 30), "JPEG"))
    assert image.shape == SHAPE and image.dtype == np.uint8
    assert image[14, 14] > 240 and image[2, 14] > 200 and image[-3, 14] > 200, "fills the height"
    assert image[:, :6].max() == 0 and image[:, -6:].max() == 0, "proportions kept, black beside it"


def test_a_light_garment_on_a_dark_floor_is_not_inverted() -> None:
    prepared = prepare(decode(file_of(coat(60, 220)), 10**8), SHAPE)
    step = next(one for one in prepared.steps if one.name == "invert")
    assert not step.changed and "lighter than its background" in step.note
    assert prepared.image[14, 14] > 240 and prepared.image[:, 0].max() == 0


def test_a_colour_as_bright_as_its_background_is_found_by_its_hue() -> None:
    photo = np.full((200, 200, 3), 120, np.uint8)
    photo[40:160, 70:130] = (190, 90, 95)  # nearly the same luma
    prepared = prepare(decode(file_of(photo), 10**8), SHAPE)
    assert prepared.garment_found
    assert "30%" not in prepared.steps[3].note and "18%" in prepared.steps[3].note


def test_a_picture_of_the_datasets_size_is_left_as_it_is() -> None:
    garment = np.zeros(SHAPE, np.uint8)
    garment[4:20, 9:15] = 90
    np.testing.assert_array_equal(seen(file_of(garment)), garment)
    np.testing.assert_array_equal(seen(file_of(255 - garment)), garment)


def test_a_phone_that_was_held_sideways_changes_nothing() -> None:
    upright = coat(240, 30)
    turned = file_of(np.rot90(upright), exif=SIDEWAYS)
    np.testing.assert_array_equal(seen(turned), seen(file_of(upright)))
    assert not np.array_equal(seen(turned, "upright"), seen(file_of(upright)))


def test_what_is_transparent_counts_as_white() -> None:
    pixels = np.zeros((120, 120, 4), np.uint8)  # black where it is transparent
    pixels[20:100, 40:80] = (10, 10, 10, 255)
    assert seen(file_of(pixels))[14, 14] > 240
    assert seen(file_of(pixels), "flatten")[14, 14] < 60, "without: black on black"


@pytest.mark.parametrize("name", STEPS)
def test_every_step_can_be_switched_off_and_is_told(name: str) -> None:
    prepared = prepare(decode(file_of(coat(240, 30)), 10**8), SHAPE, Preparation.without(name))
    assert [one.name for one in prepared.steps] == list(STEPS)
    (step,) = (one for one in prepared.steps if one.name == name)
    assert not step.changed and step.note.startswith("switched off")
    assert all(max(one.picture.shape[:2]) <= 112 for one in prepared.steps)


def test_a_picture_of_nothing_is_used_whole_and_says_so() -> None:
    flat = np.full((100, 150), 200, np.uint8)
    prepared = prepare(decode(file_of(flat), 10**8), SHAPE)
    assert prepared.garment_found is False
    assert "no garment told apart" in prepared.steps[3].note


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16"])
def test_every_pixel_format_arrives_alike(mode: str) -> None:
    grey = coat(240, 30)
    if mode == "I;16":
        content = file_of(grey.astype(np.uint16) * 257)
    else:
        target = io.BytesIO()
        Image.fromarray(grey).convert(mode).save(target, "JPEG" if mode == "CMYK" else "PNG")
        content = target.getvalue()
    reference = seen(file_of(grey)).astype(int)
    assert np.abs(seen(content).astype(int) - reference).mean() < (25 if mode == "1" else 12)


@pytest.mark.parametrize("kind", FORMATS)
def test_every_file_format_is_read(kind: str) -> None:
    assert seen(encoded(Image.fromarray(coat(240, 30)), kind))[14, 14] > 230


def test_an_iphones_file_is_turned_once() -> None:
    """HEIF has a turn of its own, which its decoder follows, beside that of EXIF."""
    upright = coat(240, 30)
    content = file_of(np.rot90(upright), "HEIF", exif=SIDEWAYS.tobytes(), quality=-1)
    np.testing.assert_allclose(seen(content), seen(file_of(upright)), atol=3)


def test_heic_where_it_is_not_read_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    content = encoded(Image.fromarray(coat(240, 30)), "HEIF")
    module = sys.modules["model_zoo.images.decode"]  # the package's `decode` is the function
    monkeypatch.setattr(module, "HEIC", False)
    monkeypatch.setattr(module, "FORMATS", ("PNG", "JPEG"))
    with pytest.raises(NotAnImage, match="HEIC picture, as iPhones take them"):
        decode(content, 10**8)


def test_limits_hold_before_decoding() -> None:
    content = file_of(np.zeros((40, 50), np.uint8))
    with pytest.raises(NotAnImage, match="50 x 40 pixels; at most 1,000 in all"):
        read_image(content, SHAPE, 1000)
    for bad in (b"", b"hello", content[:40], b"<svg xmlns='http://www.w3.org/2000/svg'/>"):
        with pytest.raises(NotAnImage, match="not an image that can be read"):
            read_image(bad, SHAPE, 1000)
