"""A picture that somebody took becomes what the model was trained on, step by step."""

import io
import sys

import numpy as np
import pytest
from PIL import ExifTags, Image

from model_zoo.errors import UserError
from model_zoo.images import STEPS, NotAnImage, decode, prepare, read_image
from model_zoo.images.decode import FORMATS

GREY, COLOUR = (28, 28, 1), (40, 30, 3)
STEPS_OF_ANY = ("upright", "flatten", "fit")
SIDEWAYS = Image.Exif()
SIDEWAYS[ExifTags.Base.Orientation] = 6


def file_of(pixels: np.ndarray, kind: str = "PNG", **options: object) -> bytes:
    target = io.BytesIO()
    Image.fromarray(pixels).save(target, kind, **options)
    return target.getvalue()


def flag(height: int = 200, width: int = 300) -> np.ndarray:
    """RGB: three stripes, one above the other, of red, green and blue."""
    pixels = np.zeros((height, width, 3), np.uint8)
    for colour, rows in enumerate(np.array_split(np.arange(height), 3)):
        pixels[rows, :, colour] = 200
    return pixels


def seen(content: bytes, shape: tuple[int, int, int] = COLOUR, *without: str) -> np.ndarray:
    return read_image(content, shape, STEPS_OF_ANY, 10**8, without)


def test_colours_and_proportions_are_kept_on_black() -> None:
    image = seen(file_of(flag()))
    assert image.shape == COLOUR and image.dtype == np.uint8
    assert not image[:10].any() and not image[-10:].any(), "20 rows in the middle"
    for row, expected in ((12, (200, 0, 0)), (20, (0, 200, 0)), (27, (0, 0, 200))):
        np.testing.assert_allclose(image[row, 15], expected, atol=12)


def test_a_grey_dataset_gets_grey() -> None:
    image = seen(file_of(flag()), GREY)
    assert image.shape == (28, 28)
    assert image[14, 14] > image[8, 14] > image[20, 14] > 0, "green is lighter than red than blue"


def test_a_grey_picture_becomes_a_colour_image() -> None:
    image = seen(file_of(np.full((80, 60), 77, np.uint8)))
    assert image.shape == COLOUR and set(image.ravel()) == {77}


def test_a_picture_of_the_datasets_size_is_left_as_it_is() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, COLOUR, np.uint8)
    prepared = prepare(decode(file_of(pixels), 10**8), COLOUR, STEPS_OF_ANY)
    np.testing.assert_array_equal(prepared.image, pixels)
    assert prepared.steps[-1].note == "already 30 x 40, as in the dataset"


@pytest.mark.parametrize("shape", [GREY, COLOUR])
@pytest.mark.parametrize("steps", [STEPS_OF_ANY, (), ("flatten",), ("fit", "upright")])
def test_the_image_has_the_datasets_shape_whatever_the_steps(
    shape: tuple[int, int, int], steps: tuple[str, ...]
) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (50, 90, 4), np.uint8)
    image = read_image(file_of(pixels), shape, steps, 10**8)
    assert image.shape == (shape if shape[2] == 3 else shape[:2]) and image.dtype == np.uint8


def test_without_the_step_that_fits_it_is_stretched_and_says_so() -> None:
    prepared = prepare(decode(file_of(flag()), 10**8), COLOUR, STEPS_OF_ANY, {"fit"})
    assert prepared.image[0].any() and prepared.image[-1].any()
    assert prepared.steps[-1].note == "switched off: stretched to 30 x 40"
    np.testing.assert_array_equal(prepared.steps[-1].picture, prepared.image)


def test_a_phone_that_was_held_sideways_changes_nothing() -> None:
    turned = file_of(np.rot90(flag()), exif=SIDEWAYS)
    np.testing.assert_array_equal(seen(turned), seen(file_of(flag())))
    assert not np.array_equal(seen(turned, COLOUR, "upright"), seen(file_of(flag())))


def test_what_is_transparent_counts_as_white() -> None:
    pixels = np.zeros((120, 90, 4), np.uint8)  # black where it is transparent
    pixels[20:100, 30:60] = (10, 200, 10, 255)
    assert seen(file_of(pixels))[2, 2].min() == 255
    assert seen(file_of(pixels), COLOUR, "flatten")[2, 2].max() == 0, "without: black"


def test_a_turned_picture_with_transparent_parts_is_both() -> None:
    pixels = np.zeros((90, 120, 4), np.uint8)
    pixels[:, 60:] = (200, 0, 0, 255)  # the right half, which is the upper one once turned
    prepared = prepare(
        decode(file_of(np.rot90(pixels), exif=SIDEWAYS), 10**8), COLOUR, STEPS_OF_ANY
    )
    assert prepared.image[20, 3].min() == 255 and prepared.image[20, 27].tolist() == [200, 0, 0]
    assert prepared.original[20, 5].min() == 255 and prepared.original[20, 50].max() == 200


@pytest.mark.parametrize("name", STEPS_OF_ANY)
def test_every_step_can_be_switched_off_and_is_told(name: str) -> None:
    prepared = prepare(decode(file_of(flag()), 10**8), COLOUR, STEPS_OF_ANY, {name})
    assert [one.name for one in prepared.steps] == list(STEPS_OF_ANY)
    assert [one.words for one in prepared.steps] == [STEPS.get(one).words for one in STEPS_OF_ANY]
    (step,) = (one for one in prepared.steps if one.name == name)
    assert not step.changed and step.note.startswith("switched off")
    pictures = [prepared.original, *(one.picture for one in prepared.steps)]
    assert all(0 < max(one.shape[:2]) <= 112 for one in pictures)


def test_pictures_of_the_steps_can_be_left_away() -> None:
    decoded = decode(file_of(flag()), 10**8)
    prepared = prepare(decoded, COLOUR, STEPS_OF_ANY, pictures=False)
    assert [one.picture.size for one in prepared.steps] == [0, 0, 0] and not prepared.original.size
    np.testing.assert_array_equal(prepared.image, prepare(decoded, COLOUR, STEPS_OF_ANY).image)


def test_an_unknown_step_is_said_and_one_of_another_dataset_means_nothing() -> None:
    with pytest.raises(UserError, match="'crop': leave out any of upright, flatten, fit"):
        seen(file_of(flag()), COLOUR, "crop")
    np.testing.assert_array_equal(
        seen(file_of(flag()), COLOUR, "crop-to-garment"), seen(file_of(flag()))
    )
    with pytest.raises(UserError, match="unknown step of preparation 'up': did you mean upright"):
        read_image(file_of(flag()), COLOUR, ("up",), 10**8)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16"])
def test_every_pixel_format_arrives_alike(mode: str) -> None:
    grey = np.linspace(0, 255, 300 * 200).reshape(200, 300).astype(np.uint8)
    if mode == "I;16":
        content = file_of(grey.astype(np.uint16) * 257)
    else:
        target = io.BytesIO()
        Image.fromarray(grey).convert(mode).save(target, "JPEG" if mode == "CMYK" else "PNG")
        content = target.getvalue()
    reference = seen(file_of(grey), GREY).astype(int)
    assert np.abs(seen(content, GREY).astype(int) - reference).mean() < (25 if mode == "1" else 12)


@pytest.mark.parametrize("kind", FORMATS)
def test_every_file_format_is_read(kind: str) -> None:
    image = seen(file_of(flag(), kind))
    np.testing.assert_allclose(image[20, 15], (0, 200, 0), atol=30)


def test_an_iphones_file_is_turned_once() -> None:
    """HEIF has a turn of its own, which its decoder follows, beside that of EXIF."""
    content = file_of(np.rot90(flag()), "HEIF", exif=SIDEWAYS.tobytes(), quality=-1)
    np.testing.assert_allclose(seen(content, GREY), seen(file_of(flag()), GREY), atol=3)


def test_heic_where_it_is_not_read_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    content = file_of(flag(), "HEIF")
    module = sys.modules["model_zoo.images.decode"]  # the package's `decode` is the function
    monkeypatch.setattr(module, "HEIC", False)
    monkeypatch.setattr(module, "FORMATS", ("PNG", "JPEG"))
    with pytest.raises(NotAnImage, match="HEIC picture, as iPhones take them"):
        decode(content, 10**8)


def test_limits_hold_before_decoding() -> None:
    content = file_of(np.zeros((40, 50), np.uint8))
    with pytest.raises(NotAnImage, match="50 x 40 pixels; at most 1,000 in all"):
        read_image(content, GREY, STEPS_OF_ANY, 1000)
    for bad in (b"", b"hello", content[:40], b"<svg xmlns='http://www.w3.org/2000/svg'/>"):
        with pytest.raises(NotAnImage, match="not an image that can be read"):
            read_image(bad, GREY, STEPS_OF_ANY, 1000)
