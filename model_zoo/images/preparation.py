"""Bring a picture to what the model was trained on, in steps that are told and can be left out.

The dataset's authors turned photographs of products into its images by trimming, scaling the
longest edge, centring, negating (their photographs have a light background) and taking the grey
value (Xiao, Rasul, Vollgraf 2017, arXiv:1708.07747, section 2). These steps do the same to a
picture that was not made in a studio.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields

import numpy as np
from PIL import Image

from model_zoo.data.fashion_mnist.outline import Garment, find_garment
from model_zoo.images.decode import TURNED, UPRIGHT, Decoded, decode

# A border brighter than this is a light background, when no garment was told apart from it.
LIGHT_BACKGROUND = 127
BRIGHTEST = 99.5  # percentile of the garment that becomes white
LARGEST_GAIN = 4.0  # a nearly invisible garment is not blown up into noise
MARGIN = 0.02  # around the garment, of its longest side
SOFT_EDGE = 0.02  # how far outside its outline the garment may reach, of the longest side
THUMBNAIL = 112


@dataclass(frozen=True)
class Preparation:
    """Which automatic steps may run."""

    upright: bool = True
    flatten: bool = True
    invert: bool = True
    crop: bool = True
    blacken: bool = True
    centre: bool = True

    @classmethod
    def without(cls, *names: str) -> Preparation:
        """All steps but these."""
        return cls(**{name: False for name in names})


#: Every step in its order, with the words for its switch.
STEPS: dict[str, str] = {
    "upright": "Turn upright",
    "flatten": "White where clear",
    "invert": "Light on dark",
    "crop": "Crop to garment",
    "blacken": "Black behind it",
    "centre": "Centre, in scale",
}
assert tuple(STEPS) == tuple(field.name for field in fields(Preparation))
#: Notes a step by its name, what it did, the pixels before and after; gives those that count.
Tell = Callable[[str, str, np.ndarray, np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Step:
    """What one step did; ``picture`` uint8 (h, w) or (h, w, 3) is the small result after it."""

    name: str
    note: str
    changed: bool
    picture: np.ndarray


@dataclass(frozen=True)
class Prepared:
    """``image`` uint8 (h, w) as the model takes it; ``garment_found``: None if not looked for."""

    image: np.ndarray
    original: np.ndarray
    steps: tuple[Step, ...]
    garment_found: bool | None


def read_image(
    content: bytes,
    shape: tuple[int, int],
    max_pixels: int,
    preparation: Preparation | None = None,
) -> np.ndarray:
    """Decode a picture and prepare it; uint8 of ``shape``.

    Raises:
        NotAnImage: not an image, cut off, or more than ``max_pixels``; nothing of a picture that
            is too large is decoded.
    """
    return prepare(decode(content, max_pixels), shape, preparation, pictures=False).image


def prepare(
    decoded: Decoded,
    shape: tuple[int, int],
    preparation: Preparation | None = None,
    pictures: bool = True,
) -> Prepared:
    """Run the steps that ``preparation`` allows (all, by default).

    Args:
        pictures: keep a small picture of each step for people; without, it has no pixels.

    A picture that already has ``shape`` is taken for one of the dataset's own: it is neither
    cropped nor stretched, only inverted when its border is light.
    """
    allowed = preparation or Preparation()
    told: list[Step] = []
    shown = thumbnail if pictures else no_picture

    def tell(name: str, note: str, before: np.ndarray, after: np.ndarray) -> np.ndarray:
        if not getattr(allowed, name):
            told.append(Step(name, "switched off", False, shown(before)))
            return before
        changed = before.shape != after.shape or bool((before != after).any())
        told.append(Step(name, note, changed, shown(after)))
        return after

    rgba = decoded.pixels
    upright, note = _turned(rgba, decoded.orientation)
    rgba = tell("upright", note, rgba, upright)
    rgb = rgba[..., :3]
    if decoded.transparent:
        rgb = tell("flatten", "transparent parts are white now", rgb, _on_white(rgba))
    else:
        tell("flatten", "no transparency", rgb, rgb)
    original = shown(rgb)
    if rgb.shape[:2] == shape:
        return _already_small(rgb, original, tell, told)

    garment = find_garment(rgb)
    grey = grey_of(rgb)
    inverted, note = _light_on_dark(grey, garment)
    grey = tell("invert", note, grey, inverted)
    grey, garment = _crop(grey, garment, allowed, tell)
    blackened, note = _on_black(grey, garment)
    grey = tell("blacken", note, grey, blackened)
    if allowed.centre:
        image = fit(grey, shape)
        note = f"scaled to {shape[1]} x {shape[0]}, proportions kept"
    else:
        image, note = stretch(grey, shape), "switched off: stretched to the square"
    told.append(Step("centre", note, allowed.centre, image))
    return Prepared(image, original, tuple(told), garment is not None)


def _already_small(rgb: np.ndarray, original: np.ndarray, tell: Tell, told: list[Step]) -> Prepared:
    grey = grey_of(rgb)
    inverted, note = _light_on_dark(grey, None)
    grey = tell("invert", note, grey, inverted)
    size = f"already {grey.shape[1]} x {grey.shape[0]}, as in the dataset"
    for name in ("crop", "blacken", "centre"):
        told.append(Step(name, size, False, grey))
    return Prepared(grey, original, tuple(told), None)


def _turned(rgba: np.ndarray, orientation: int) -> tuple[np.ndarray, str]:
    if orientation == UPRIGHT:
        return rgba, "stored upright"
    turned = np.asarray(Image.fromarray(rgba).transpose(TURNED[orientation]))
    return turned, f"turned as the camera says (EXIF orientation {orientation})"


def _on_white(rgba: np.ndarray) -> np.ndarray:
    opacity = rgba[..., 3:].astype(np.float32) / 255
    return np.rint(rgba[..., :3] * opacity + 255 * (1 - opacity)).astype(np.uint8)


def grey_of(rgb: np.ndarray) -> np.ndarray:
    """Luma of ITU-R BT.601: uint8 (h, w)."""
    return np.asarray(Image.fromarray(np.ascontiguousarray(rgb)).convert("L"))


def _light_on_dark(grey: np.ndarray, garment: Garment | None) -> tuple[np.ndarray, str]:
    border = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    if garment is None or garment.mask.all():
        light = bool(np.median(border) > LIGHT_BACKGROUND)
        reason = "the border is light" if light else "the border is dark already"
    else:
        light = bool(np.median(grey[garment.mask]) < np.median(grey[~garment.mask]))
        reason = f"the garment is {'darker' if light else 'lighter'} than its background"
    return (255 - grey, f"inverted: {reason}") if light else (grey, f"not needed: {reason}")


def _crop(
    grey: np.ndarray, garment: Garment | None, allowed: Preparation, tell: Tell
) -> tuple[np.ndarray, Garment | None]:
    if garment is None:
        tell("crop", "no garment told apart from the background: the whole picture", grey, grey)
        return grey, None
    top, left, bottom, right = garment.box
    margin = round(MARGIN * max(bottom - top, right - left))
    rows = slice(max(0, top - margin), bottom + margin)
    columns = slice(max(0, left - margin), right + margin)
    share = (bottom - top) * (right - left) / grey.size
    note = f"the garment fills {share:.0%} of the picture"
    cropped = tell("crop", note, grey, grey[rows, columns])
    mask = garment.mask[rows, columns] if allowed.crop else garment.mask
    return cropped, Garment(mask, garment.box)


def _on_black(grey: np.ndarray, garment: Garment | None) -> tuple[np.ndarray, str]:
    """Background to 0, the garment's brightest parts to 255, nothing outside its outline."""
    from scipy import ndimage

    if garment is None:
        return grey, "no garment told apart from the background: left as it is"
    outside = grey[~garment.mask]
    dark = float(np.median(outside)) if outside.size else 0.0
    bright = float(np.percentile(grey[garment.mask], BRIGHTEST))
    gain = min(255 / max(bright - dark, 1.0), LARGEST_GAIN)
    levels = ((grey.astype(np.float32) - dark) * gain).clip(0, 255)
    reach = 1 + 2 * round(SOFT_EDGE * max(grey.shape))
    levels[~ndimage.maximum_filter(garment.mask, size=reach)] = 0
    return levels.astype(np.uint8), f"background {dark:.0f} of 255 became 0"


def fit(grey: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Scale to ``shape`` without changing proportions, centred on black; uint8."""
    if grey.shape == shape:
        return grey
    scale = min(shape[0] / grey.shape[0], shape[1] / grey.shape[1])
    height, width = (max(1, round(side * scale)) for side in grey.shape)
    small = stretch(grey, (height, width))
    canvas = np.zeros(shape, np.uint8)
    top, left = (shape[0] - height) // 2, (shape[1] - width) // 2
    canvas[top : top + height, left : left + width] = small
    return canvas


def stretch(pixels: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Resample uint8 (h, w) or (h, w, 3) to ``shape``, whatever that does to its proportions."""
    resized = Image.fromarray(np.ascontiguousarray(pixels)).resize(
        (shape[1], shape[0]), Image.Resampling.LANCZOS
    )
    return np.asarray(resized)


def thumbnail(pixels: np.ndarray) -> np.ndarray:
    """A copy whose longest side is at most 112 pixels, for people to look at."""
    shown = pixels[..., :3] if pixels.ndim == 3 else pixels
    factor = -(-max(pixels.shape[:2]) // THUMBNAIL)
    if factor == 1:
        return shown
    return np.asarray(Image.fromarray(np.ascontiguousarray(shown)).reduce(factor))


def no_picture(pixels: np.ndarray) -> np.ndarray:
    """In the place of a thumbnail that nobody will look at."""
    return np.empty((0, 0), np.uint8)  # not a view, which would keep the pixels alive
