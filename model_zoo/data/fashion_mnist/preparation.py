"""Steps that do to any picture what the dataset's authors did to theirs.

They turned photographs of products into its images by trimming, scaling the longest edge,
centring, negating (their photographs have a light background) and taking the grey value (Xiao,
Rasul, Vollgraf 2017, arXiv:1708.07747, section 2). These steps do the same to a picture that was
not made in a studio. Where it has transparent parts, these are the outline. One that already has
the dataset's size is taken for one of its own: it is not cropped, inverted only when its border is
light, and levelled only when nothing in it is black.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from model_zoo.data.fashion_mnist.outline import Garment, cut_out, find_garment
from model_zoo.images.pixels import grey_of
from model_zoo.images.steps import CLEAR, Picture, register_step

# A border brighter than this is a light background, when no garment was told apart from it.
LIGHT_BACKGROUND = 127
BRIGHTEST = 99.5  # percentile of the garment that becomes white
LARGEST_GAIN = 4.0  # a nearly invisible garment is not blown up into noise
MARGIN = 0.02  # around the garment, of its longest side
SOFT_EDGE = 0.02  # how far outside its outline the garment may reach, of the longest side
BLACK = 5  # of 255: what is darker needs no levelling
RIM = 0.03  # how far the colour of a former background reaches into a cut-out, of the longest side
RIM_COUNTS = 4  # times as much as the garment's own grey

OUTLINE, OWN = "garment", "of the dataset's size"  # what the first of these steps leaves
NOT_FOUND = "no garment told apart from the background"


@register_step("invert", "Light on dark")
def invert(picture: Picture) -> str:
    """Make the garment lighter than what is behind it."""
    garment, grey = _look_at(picture)
    border = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    if garment is not None and garment.cut is not None:
        grey = grey_of(garment.cut.pixels)
        light = _was_on_light(grey, garment.mask)
        tones = (255 - grey if light else grey) * (garment.cut.opacity / np.float32(255))
        picture.pixels = tones.astype(np.uint8)
        return "inverted: the cut-out is dark" if light else "not needed: the cut-out is light"
    if garment is None or garment.mask.all():
        light = bool(np.median(border) > LIGHT_BACKGROUND)
        reason = "the border is light" if light else "the border is dark already"
    else:
        light = bool(np.median(grey[garment.mask]) < np.median(grey[~garment.mask]))
        reason = f"the garment is {'darker' if light else 'lighter'} than its background"
    picture.pixels = 255 - grey if light else grey
    return f"inverted: {reason}" if light else f"not needed: {reason}"


@register_step("crop-to-garment", "Crop to garment")
def crop_to_garment(picture: Picture) -> str:
    """Leave away what lies around the garment."""
    garment, grey = _look_at(picture)
    if picture.found[OWN]:
        return _of_the_datasets_size(picture)
    if garment is None:
        return f"{NOT_FOUND}: the whole picture"
    top, left, bottom, right = garment.box
    margin = round(MARGIN * max(bottom - top, right - left))
    rows = slice(max(0, top - margin), bottom + margin)
    columns = slice(max(0, left - margin), right + margin)
    picture.pixels = grey[rows, columns]
    picture.found[OUTLINE] = replace(garment, mask=garment.mask[rows, columns])
    share = (bottom - top) * (right - left) / grey.size
    return f"the garment fills {share:.0%} of the picture"


@register_step("blacken", "Black behind it")
def blacken(picture: Picture) -> str:
    """Background to 0, the garment's brightest parts to 255, nothing outside its outline."""
    garment, grey = _look_at(picture)
    if garment is not None and garment.cut is not None:
        picture.pixels = _levelled(grey.astype(np.float32), 0.0, garment.mask)
        return "what is transparent became 0"
    if picture.found[OWN]:
        return _level_own(picture, grey)
    if garment is None:
        return f"{NOT_FOUND}: left as it is"
    outside = grey[~garment.mask]
    dark = float(np.median(outside)) if outside.size else 0.0
    picture.pixels = _levelled(grey.astype(np.float32), dark, garment.mask)
    return f"background {dark:.0f} of 255 became 0"


def _levelled(grey: np.ndarray, dark: float, mask: np.ndarray) -> np.ndarray:
    """``dark`` to 0, what is bright in the mask to 255, and 0 far outside it: uint8."""
    from scipy import ndimage

    bright = float(np.percentile(grey[mask], BRIGHTEST))
    gain = min(255 / max(bright - dark, 1.0), LARGEST_GAIN)
    levels = ((grey - dark) * gain).clip(0, 255)
    reach = 1 + 2 * round(SOFT_EDGE * max(grey.shape))
    levels[~ndimage.maximum_filter(mask, size=reach)] = 0
    return levels.astype(np.uint8)


def _level_own(picture: Picture, grey: np.ndarray) -> str:
    """One of the dataset's size whose darkest parts are not black: in false colours, say."""
    dark = float(grey.min())
    if dark <= BLACK:
        return _of_the_datasets_size(picture)
    picture.pixels = _levelled(grey.astype(np.float32), dark, np.ones(grey.shape, bool))
    return f"background {dark:.0f} of 255 became 0"


def _was_on_light(grey: np.ndarray, mask: np.ndarray) -> bool:
    """Whether a cut-out shows a dark garment, as if photographed on light ground.

    Its rim tells more than its grey, as it has taken on some of the background it was cut from.
    """
    from scipy import ndimage

    depth = max(1, round(RIM * max(mask.shape)))
    inside = ndimage.binary_erosion(mask, iterations=depth)
    if not inside.any() or not (mask & ~inside).any():
        return bool(np.median(grey[mask]) < LIGHT_BACKGROUND)
    middle, rim = float(np.median(grey[inside])), float(np.median(grey[mask & ~inside]))
    return middle - LIGHT_BACKGROUND + RIM_COUNTS * (middle - rim) < 0


def _look_at(picture: Picture) -> tuple[Garment | None, np.ndarray]:
    """The garment, found once and in colour, or None; and the grey picture."""
    if OWN not in picture.found:
        own = picture.pixels.shape[:2] == picture.image_shape[:2]
        garment = cut_out(picture.found.get(CLEAR))
        if garment is None and not own:
            garment = find_garment(picture.pixels)
        picture.found |= {OWN: own, OUTLINE: garment}
        if garment is None and not own:
            picture.doubts.append("no garment could be told apart from the background")
    picture.pixels = grey_of(picture.pixels)
    return picture.found[OUTLINE], picture.pixels


def _of_the_datasets_size(picture: Picture) -> str:
    height, width = picture.pixels.shape
    return f"already {width} x {height}, as in the dataset"
