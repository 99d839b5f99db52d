"""Steps that bring a photograph to a square of a dataset's size."""

from __future__ import annotations

import numpy as np

from model_zoo.images.pixels import fitted, with_channels
from model_zoo.images.steps import Picture, register_step


@register_step("resize", "Scale the shorter side", from_few=True)
def resize(picture: Picture) -> str:
    """Scale so that it just covers the dataset's size, proportions kept."""
    height, width, channels = picture.image_shape
    high, wide = picture.size
    scale = max(height / high, width / wide)
    rows, columns = max(height, round(high * scale)), max(width, round(wide * scale))
    picture.scale(rows, columns, grey=channels == 1)
    if (rows, columns) == (high, wide):
        return f"already {wide} x {high}"
    return f"scaled to {columns} x {rows}, proportions kept"


@register_step("centre-crop", "Cut out the middle", from_few=True)
def centre_crop(picture: Picture) -> str:
    """Keep the middle, as large as the dataset's images."""
    height, width, _ = picture.image_shape
    high, wide = picture.size
    top, left = max(0, high - height) // 2, max(0, wide - width) // 2
    if not top and not left and high <= height and wide <= width:
        return "nothing to cut off"
    picture.cut(top, left, min(high, height), min(wide, width))
    return f"the middle {min(wide, width)} x {min(high, height)} pixels are kept"


@register_step("whole-on-white", "The whole picture, on white", from_few=True)
def whole_on_white(picture: Picture) -> str:
    """Scale to the dataset's size without changing proportions, centred on white."""
    height, width, channels = picture.image_shape
    picture.pixels = with_channels(picture.pixels, channels)
    if picture.pixels.shape[:2] == (height, width):
        return f"already {width} x {height}, as in the dataset"
    # White is what black is in the negative.
    negative = np.bitwise_not(picture.pixels)
    picture.pixels = np.bitwise_not(fitted(negative, height, width))
    return f"scaled to {width} x {height}, proportions kept, white around it"
