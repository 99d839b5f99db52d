"""Steps from a picture that somebody took to a dataset's image: what one is, and the general ones.

A dataset names those that suit it, in their order; it may register steps of its own. A step is one
small function that changes a :class:`Picture` and says what it did.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from model_zoo.images.decode import UPRIGHT, WORKING_SIDE, Decoded
from model_zoo.images.pixels import THUMBNAIL, fitted, on_white, turned, with_channels
from model_zoo.plugin_registry import Registry

#: Times the side of the image: the fractions of a JPEG's decoder then differ less from the whole,
#: scaled, than two common filters for scaling do.
MORE = 1.5
CLEAR = "before it was opaque"  # under this name `flatten` leaves a :class:`Clear`


@dataclass(frozen=True)
class Clear:
    """A picture with transparent parts: ``pixels`` uint8 (h, w, 3), ``opacity`` uint8 (h, w)."""

    pixels: np.ndarray
    opacity: np.ndarray


@dataclass(frozen=True)
class Scaled:
    """``picture`` as it is, on its way to ``size`` (h, w)."""

    picture: Image.Image
    size: tuple[int, int]

    def part(self, top: int, left: int, height: int, width: int) -> Image.Image:
        """So much of it, scaled by a bilinear filter, as ImageNet's networks are commonly given
        theirs."""
        down, right = self.picture.height / self.size[0], self.picture.width / self.size[1]
        box = (left * right, top * down, (left + width) * right, (top + height) * down)
        return self.picture.resize((width, height), Image.Resampling.BILINEAR, box)


class Picture:
    """A picture on its way.

    Attributes:
        opacity: uint8 (h, w), 255 where nothing shines through; None: nowhere does anything.
        orientation: EXIF's, 1 to 8; 1 once it stands upright.
        image_shape: (height, width, channels) of the dataset's images, where all this leads.
        found: what one step leaves for another, by a name of theirs.
        doubts: why an answer about this picture may not be trusted, in words.
    """

    def __init__(self, decoded: Decoded, image_shape: tuple[int, int, int]) -> None:
        """A decoded file, before any step."""
        clear = decoded.transparent
        self.opacity = np.asarray(decoded.picture.getchannel("A")) if clear else None
        self.orientation = decoded.orientation
        self.image_shape = image_shape
        self.found: dict[str, Any] = {}
        self.doubts: list[str] = []
        self._now: Image.Image | np.ndarray | None = decoded.picture
        if clear:
            self._now = decoded.picture.convert("RGB")
        self._scaled: Scaled | None = None

    @property
    def pixels(self) -> np.ndarray:
        """uint8 (h, w, 3), or (h, w) once a step has made it grey.

        A step puts another array in its place and never writes into the one that it found.
        """
        if self._now is None:
            assert self._scaled is not None
            self._now = self._scaled.part(0, 0, *self._scaled.size)
        if isinstance(self._now, Image.Image):
            self._now = np.asarray(self._now)
        return self._now

    @pixels.setter
    def pixels(self, changed: np.ndarray) -> None:
        self._now, self._scaled = changed, None

    @property
    def size(self) -> tuple[int, int]:
        """(h, w)."""
        if self._scaled is not None:
            return self._scaled.size
        if isinstance(self._now, Image.Image):
            return self._now.height, self._now.width
        return self.pixels.shape[:2]

    def scale(self, height: int, width: int, grey: bool) -> None:
        """Bring it to a size, RGB or grey: once somebody looks, so that what is cut off before is
        never made."""
        mode = "L" if grey else "RGB"
        now = self._now if isinstance(self._now, Image.Image) else self.pixels
        if not isinstance(now, Image.Image):
            now = Image.fromarray(np.ascontiguousarray(now))
        alike = now if now.mode == mode else now.convert(mode)
        self._now, self._scaled = None, Scaled(alike, (height, width))

    def cut(self, top: int, left: int, height: int, width: int) -> None:
        """Keep a part of it."""
        if self._scaled is not None:  # whether or not somebody has looked at the whole
            self.pixels = np.asarray(self._scaled.part(top, left, height, width))
        else:
            self.pixels = self.pixels[top : top + height, left : left + width]


#: Changes the picture; gives a note for people: what it did, or why there was nothing to do.
Run = Callable[[Picture], str]


@dataclass(frozen=True)
class PreparationStep:
    """``words`` stand beside its switch on the page.

    ``from_few``: what it makes of a picture needs few more pixels than the image has that it leads
    to.
    """

    name: str
    words: str
    run: Run
    from_few: bool = False


STEPS: Registry[PreparationStep] = Registry("step of preparation")


def register_step(name: str, words: str, from_few: bool = False) -> Callable[[Run], Run]:
    """Register the decorated function as a step that datasets may name.

    Args:
        words: beside its switch on the page.
        from_few: it only turns, scales and cuts, so few more pixels than the image has do. A JPEG
            is decoded to no more where that holds for all steps, which takes half the time.

    Raises:
        DuplicateName: the name is taken; names both files.
    """

    def register(run: Run) -> Run:
        STEPS.add(name, PreparationStep(name, words, run, from_few), run)
        return run

    return register


def least_side(image_shape: tuple[int, int, int], steps: Collection[str]) -> int:
    """Pixels of the shorter side of a picture that these steps can do with.

    Raises:
        UserError: a name that no step has; says which there are.
    """
    if not all(STEPS.get(name).from_few for name in steps):
        return WORKING_SIDE
    return max(round(MORE * max(image_shape[:2])), THUMBNAIL)


@register_step("upright", "Turn upright", from_few=True)
def upright(picture: Picture) -> str:
    """Turn it as the camera says."""
    orientation, picture.orientation = picture.orientation, UPRIGHT
    if orientation == UPRIGHT:
        return "stored upright"
    picture.pixels = turned(picture.pixels, orientation)
    if picture.opacity is not None:
        picture.opacity = turned(picture.opacity, orientation)
    return f"turned as the camera says (EXIF orientation {orientation})"


@register_step("flatten", "White where clear", from_few=True)
def flatten(picture: Picture) -> str:
    """White behind what is transparent."""
    opacity, picture.opacity = picture.opacity, None
    if opacity is None:
        return "no transparency"
    picture.found[CLEAR] = Clear(picture.pixels, opacity)
    picture.pixels = on_white(picture.pixels, opacity)
    return "transparent parts are white now"


@register_step("fit", "Centre, in scale")
def fit(picture: Picture) -> str:
    """Scale to the dataset's size without changing proportions, centred on black."""
    height, width, channels = picture.image_shape
    picture.pixels = with_channels(picture.pixels, channels)
    if picture.pixels.shape[:2] == (height, width):
        return f"already {width} x {height}, as in the dataset"
    picture.pixels = fitted(picture.pixels, height, width)
    return f"scaled to {width} x {height}, proportions kept"
