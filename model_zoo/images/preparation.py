"""Bring a picture to what the model was trained on, in steps that are told and can be left out."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

import numpy as np

from model_zoo.errors import UserError
from model_zoo.images.decode import Decoded, decode
from model_zoo.images.pixels import (
    THUMBNAIL,
    on_white,
    stretched,
    thumbnail,
    turned,
    with_channels,
)
from model_zoo.images.steps import STEPS, Picture, least_side

SWITCHED_OFF = "switched off"
#: Of 255, between the darkest and the brightest parts: with less, nothing can be told.
LEAST_SPREAD = 16.0
EXTREMES = (0.5, 99.5)  # percentiles: a few odd pixels are no picture
#: In the place of a thumbnail that nobody will look at; a view would keep all pixels alive.
NO_PICTURE = np.empty((0, 0), np.uint8)


@dataclass(frozen=True)
class StepDone:
    """What one step did; ``picture`` uint8 (h, w) or (h, w, 3) is the small result after it."""

    name: str
    words: str
    note: str
    changed: bool
    picture: np.ndarray


@dataclass(frozen=True)
class Prepared:
    """A picture as the model takes it.

    Attributes:
        image: uint8 (h, w) or (h, w, 3), always of the shape that was asked for.
        original: a small copy of the picture as any viewer shows it.
        steps: what each step did, in their order.
        doubts: why an answer about it may not be trusted, in words.
        notes: what of its file was damaged and is ignored, in words.
    """

    image: np.ndarray
    original: np.ndarray
    steps: tuple[StepDone, ...]
    doubts: tuple[str, ...]
    notes: tuple[str, ...] = ()


def read_image(
    content: bytes,
    image_shape: tuple[int, int, int],
    steps: tuple[str, ...],
    max_pixels: int,
    without: Collection[str] = (),
) -> np.ndarray:
    """Decode a picture and prepare it; uint8 (h, w) or (h, w, 3) of ``image_shape``.

    Raises:
        NotAnImage: not an image, cut off, or more than ``max_pixels``; nothing of a picture that
            is too large is decoded.
        UserError: a step that is not known.
    """
    decoded = decode_for(content, image_shape, steps, max_pixels)
    return image_of(decoded, image_shape, steps, without)


def decode_for(
    content: bytes, image_shape: tuple[int, int, int], steps: tuple[str, ...], max_pixels: int
) -> Decoded:
    """Decode a picture as far as these steps take it: the same for training and for serving.

    Raises:
        NotAnImage, UserError: as :func:`read_image`.
    """
    return decode(content, max_pixels, least_side(image_shape, steps))


def image_of(
    decoded: Decoded,
    image_shape: tuple[int, int, int],
    steps: tuple[str, ...],
    without: Collection[str] = (),
) -> np.ndarray:
    """The image that :func:`prepare` gives, without what it tells of the steps: much sooner.

    Raises:
        UserError: a name that no step has; says which there are.
    """
    _check_names(steps, without)
    picture = Picture(decoded, image_shape)
    for step in map(STEPS.get, steps):
        if step.name not in without:
            step.run(picture)
    height, width, channels = image_shape
    return stretched(with_channels(picture.pixels, channels), height, width)


def prepare(
    decoded: Decoded,
    image_shape: tuple[int, int, int],
    steps: tuple[str, ...],
    without: Collection[str] = (),
    pictures: bool = True,
) -> Prepared:
    """Run the steps in their order, but those in ``without``.

    Args:
        image_shape: (height, width, channels) of the dataset's images.
        steps: names of registered steps, as a dataset or a version has them.
        without: names of steps to leave out; those that are not among ``steps`` mean nothing.
        pictures: keep a small picture of each step for people; without, it has no pixels.

    Raises:
        UserError: a name that no step has; says which there are.
    """
    _check_names(steps, without)
    shown = thumbnail if pictures else _no_picture
    original = thumbnail(_as_viewers_show_it(decoded)) if pictures else NO_PICTURE
    picture = Picture(decoded, image_shape)
    height, width, channels = image_shape
    done: list[StepDone] = []
    for step in map(STEPS.get, steps):
        before = with_channels(picture.pixels, channels)  # that it lost its colour is no change
        note = SWITCHED_OFF if step.name in without else step.run(picture)
        changed = not np.array_equal(before, with_channels(picture.pixels, channels))
        done.append(StepDone(step.name, step.words, note, changed, shown(picture.pixels)))
    if done and picture.pixels.shape[:2] != (height, width):
        note = f"{done[-1].note}: stretched to {width} x {height}"
        small = shown(stretched(picture.pixels, height, width))
        done[-1] = replace(done[-1], note=note, picture=small)
    if done and decoded.notes:
        done[0] = replace(done[0], note="; ".join([done[0].note, *decoded.notes]))
    image = stretched(with_channels(picture.pixels, channels), height, width)
    return Prepared(
        image=image,
        original=original,
        steps=tuple(done),
        doubts=(*_blank(decoded, image), *picture.doubts),
        notes=decoded.notes,
    )


def _check_names(steps: tuple[str, ...], without: Collection[str]) -> None:
    for name in without:
        if name not in STEPS:
            raise UserError(
                f"unknown step of preparation {name!r}: leave out any of {', '.join(steps)}"
            )


def _blank(decoded: Decoded, image: np.ndarray) -> list[str]:
    """What is said of a picture in which there is nothing, or of which nothing is left."""
    if not decoded.pixels[..., 3].any():
        return ["the picture is blank: all of it is transparent"]
    if _spread(decoded.pixels) < LEAST_SPREAD:
        return ["the picture is blank, or nearly so"]
    return ["what the model sees is blank, or nearly so"] if _spread(image) < LEAST_SPREAD else []


def _spread(pixels: np.ndarray) -> float:
    """Of the channel in which the extremes lie farthest apart; transparency is one."""
    step = max(1, min(pixels.shape[:2]) // THUMBNAIL)  # enough of them
    low, high = np.percentile(pixels[::step, ::step], EXTREMES, axis=(0, 1))
    return float(np.max(high - low))


def _as_viewers_show_it(decoded: Decoded) -> np.ndarray:
    """Upright, and on white where it is transparent, whatever the steps make of it."""
    rgba = turned(decoded.pixels, decoded.orientation)
    return on_white(rgba[..., :3], rgba[..., 3]) if decoded.transparent else rgba[..., :3]


def _no_picture(pixels: np.ndarray) -> np.ndarray:
    return NO_PICTURE
