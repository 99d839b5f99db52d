"""Arithmetic on one picture's pixels: uint8 (h, w) where grey, (h, w, 3) in colour."""

from __future__ import annotations

import numpy as np
from PIL import Image

from model_zoo.images.decode import TURNED, UPRIGHT

THUMBNAIL = 112


def turned(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """The picture as a person holds it, from its EXIF orientation, 1 to 8."""
    if orientation == UPRIGHT:
        return pixels
    return np.asarray(Image.fromarray(pixels).transpose(TURNED[orientation]))


def on_white(rgb: np.ndarray, opacity: np.ndarray) -> np.ndarray:
    """(h, w, 3) with white behind it; ``opacity`` uint8 (h, w)."""
    share = opacity[..., None].astype(np.float32) / 255
    return np.rint(rgb * share + 255 * (1 - share)).astype(np.uint8)


def grey_of(pixels: np.ndarray) -> np.ndarray:
    """Luma of ITU-R BT.601: (h, w)."""
    if pixels.ndim == 2:
        return pixels
    return np.asarray(Image.fromarray(np.ascontiguousarray(pixels)).convert("L"))


def with_channels(pixels: np.ndarray, channels: int) -> np.ndarray:
    """Grey for one channel, else RGB."""
    if channels == 1:
        return grey_of(pixels)
    return np.repeat(pixels[..., None], channels, axis=2) if pixels.ndim == 2 else pixels


def fitted(pixels: np.ndarray, height: int, width: int) -> np.ndarray:
    """Scaled without changing proportions, centred on black."""
    scale = min(height / pixels.shape[0], width / pixels.shape[1])
    rows, columns = (max(1, round(side * scale)) for side in pixels.shape[:2])
    canvas = np.zeros((height, width, *pixels.shape[2:]), np.uint8)
    top, left = (height - rows) // 2, (width - columns) // 2
    canvas[top : top + rows, left : left + columns] = stretched(pixels, rows, columns)
    return canvas


def stretched(pixels: np.ndarray, height: int, width: int) -> np.ndarray:
    """Resampled to a size, whatever that does to its proportions."""
    if pixels.shape[:2] == (height, width):
        return pixels
    picture = Image.fromarray(np.ascontiguousarray(pixels))
    return np.asarray(picture.resize((width, height), Image.Resampling.LANCZOS))


def thumbnail(pixels: np.ndarray) -> np.ndarray:
    """A copy whose longest side is at most 112 pixels, for people to look at."""
    factor = -(-max(pixels.shape[:2]) // THUMBNAIL)
    if factor == 1:
        return pixels
    return np.asarray(Image.fromarray(np.ascontiguousarray(pixels)).reduce(factor))
