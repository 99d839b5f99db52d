"""Steps that do to any picture what the dataset's authors did to theirs.

They turned photographs of products into its images by trimming, scaling the longest edge,
centring, negating (their photographs have a light background) and taking the grey value (Xiao,
Rasul, Vollgraf 2017, arXiv:1708.07747, section 2). These steps do the same to a picture that was
not made in a studio. One that already has the dataset's size is taken for one of its own: it is
neither cropped nor stretched, only inverted when its border is light.
"""

from __future__ import annotations

import numpy as np

from model_zoo.data.fashion_mnist.outline import Garment, find_garment
from model_zoo.images.pixels import grey_of
from model_zoo.images.steps import Picture, register_step

# A border brighter than this is a light background, when no garment was told apart from it.
LIGHT_BACKGROUND = 127
BRIGHTEST = 99.5  # percentile of the garment that becomes white
LARGEST_GAIN = 4.0  # a nearly invisible garment is not blown up into noise
MARGIN = 0.02  # around the garment, of its longest side
SOFT_EDGE = 0.02  # how far outside its outline the garment may reach, of the longest side

OUTLINE, OWN = "garment", "of the dataset's size"  # what the first of these steps leaves
NOT_FOUND = "no garment told apart from the background"


@register_step("invert", "Light on dark")
def invert(picture: Picture) -> str:
    """Make the garment lighter than what is behind it."""
    garment, grey = _look_at(picture)
    border = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
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
    picture.found[OUTLINE] = Garment(garment.mask[rows, columns], garment.box)
    share = (bottom - top) * (right - left) / grey.size
    return f"the garment fills {share:.0%} of the picture"


@register_step("blacken", "Black behind it")
def blacken(picture: Picture) -> str:
    """Background to 0, the garment's brightest parts to 255, nothing outside its outline."""
    from scipy import ndimage

    garment, grey = _look_at(picture)
    if picture.found[OWN]:
        return _of_the_datasets_size(picture)
    if garment is None:
        return f"{NOT_FOUND}: left as it is"
    outside = grey[~garment.mask]
    dark = float(np.median(outside)) if outside.size else 0.0
    bright = float(np.percentile(grey[garment.mask], BRIGHTEST))
    gain = min(255 / max(bright - dark, 1.0), LARGEST_GAIN)
    levels = ((grey.astype(np.float32) - dark) * gain).clip(0, 255)
    reach = 1 + 2 * round(SOFT_EDGE * max(grey.shape))
    levels[~ndimage.maximum_filter(garment.mask, size=reach)] = 0
    picture.pixels = levels.astype(np.uint8)
    return f"background {dark:.0f} of 255 became 0"


def _look_at(picture: Picture) -> tuple[Garment | None, np.ndarray]:
    """The garment, found once and in colour, or None; and the grey picture."""
    if OWN not in picture.found:
        own = picture.pixels.shape[:2] == picture.image_shape[:2]
        garment = None if own else find_garment(picture.pixels)
        picture.found |= {OWN: own, OUTLINE: garment}
        if garment is None and not own:
            picture.doubts.append("no garment could be told apart from the background")
    picture.pixels = grey_of(picture.pixels)
    return picture.found[OUTLINE], picture.pixels


def _of_the_datasets_size(picture: Picture) -> str:
    height, width = picture.pixels.shape
    return f"already {width} x {height}, as in the dataset"
