"""Steps from a picture that somebody took to a dataset's image: what one is, and the general ones.

A dataset names those that suit it, in their order; it may register steps of its own. A step is one
small function that changes a :class:`Picture` and says what it did.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from PIL import Image

from model_zoo.images.decode import UPRIGHT, Decoded
from model_zoo.images.pixels import fitted, on_white, turned, with_channels
from model_zoo.plugin_registry import Registry

CLEAR = "before it was opaque"  # under this name `flatten` leaves a :class:`Clear`


@dataclass(frozen=True)
class Clear:
    """A picture with transparent parts: ``pixels`` uint8 (h, w, 3), ``opacity`` uint8 (h, w)."""

    pixels: np.ndarray
    opacity: np.ndarray


@dataclass
class Picture:
    """A picture on its way.

    Attributes:
        pixels: uint8 (h, w, 3), or (h, w) once a step has made it grey. A step puts another
            array in its place and never writes into the one that it found.
        opacity: uint8 (h, w), 255 where nothing shines through; None: nowhere does anything.
        orientation: EXIF's, 1 to 8; 1 once it stands upright.
        image_shape: (height, width, channels) of the dataset's images, where all this leads.
        found: what one step leaves for another, by a name of theirs.
        doubts: why an answer about this picture may not be trusted, in words.
    """

    pixels: np.ndarray
    opacity: np.ndarray | None
    orientation: int
    image_shape: tuple[int, int, int]
    found: dict[str, Any] = field(default_factory=dict)
    doubts: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, decoded: Decoded, image_shape: tuple[int, int, int]) -> Picture:
        """A decoded file, before any step."""
        opacity = decoded.pixels[..., 3] if decoded.transparent else None
        # Pillow drops the fourth channel in a tenth of the time in which NumPy makes a view whole.
        pixels = np.asarray(Image.fromarray(decoded.pixels).convert("RGB"))
        return cls(pixels, opacity, decoded.orientation, image_shape)


#: Changes the picture; gives a note for people: what it did, or why there was nothing to do.
Run = Callable[[Picture], str]


@dataclass(frozen=True)
class PreparationStep:
    """``words`` stand beside its switch on the page."""

    name: str
    words: str
    run: Run


STEPS: Registry[PreparationStep] = Registry("step of preparation")


def register_step(name: str, words: str) -> Callable[[Run], Run]:
    """Register the decorated function as a step that datasets may name.

    Raises:
        DuplicateName: the name is taken; names both files.
    """

    def register(run: Run) -> Run:
        STEPS.add(name, PreparationStep(name, words, run), run)
        return run

    return register


@register_step("upright", "Turn upright")
def upright(picture: Picture) -> str:
    """Turn it as the camera says."""
    orientation, picture.orientation = picture.orientation, UPRIGHT
    if orientation == UPRIGHT:
        return "stored upright"
    picture.pixels = turned(picture.pixels, orientation)
    if picture.opacity is not None:
        picture.opacity = turned(picture.opacity, orientation)
    return f"turned as the camera says (EXIF orientation {orientation})"


@register_step("flatten", "White where clear")
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
