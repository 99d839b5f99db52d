"""Named corruptions at fixed severities, after Hendrycks and Dietterich 2019 (arXiv:1903.12261).

A few lines each over NumPy and Pillow; the same images are corrupted alike every time. The numbers
are shares of an image's side or range, so that any size of image suffers the same.
"""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageFilter

#: Mild, as a poor camera has it; strong, where people still recognise most.
SEVERITIES = (1, 2)
SEED = 20
MID = 127.5


def corrupted(images: np.ndarray, name: str, severity: int) -> np.ndarray:
    """Corrupted copies, uint8 of the same shape.

    Args:
        images: uint8 (N, h, w) or (N, h, w, 3).
        name: of :data:`CORRUPTIONS`.
        severity: of :data:`SEVERITIES`.
    """
    return CORRUPTIONS[name](images, severity - 1)


def _noise(images: np.ndarray, severity: int) -> np.ndarray:
    """Gaussian, of 6 or 12 % of the range."""
    random = np.random.default_rng(SEED)
    return _whole(images + random.normal(0, 255 * (0.06, 0.12)[severity], images.shape))


def _blur(images: np.ndarray, severity: int) -> np.ndarray:
    """Gaussian, with a radius of 2.5 or 5 % of the shorter side."""
    radius = (0.025, 0.05)[severity] * min(images.shape[1:3])
    return _each(images, lambda one: one.filter(ImageFilter.GaussianBlur(radius)))


def _brightness(images: np.ndarray, severity: int) -> np.ndarray:
    """Brighter by 15 or 30 % of the range."""
    return _whole(images + 255 * (0.15, 0.3)[severity])


def _contrast(images: np.ndarray, severity: int) -> np.ndarray:
    """Of the distance from mid-grey 60 or 35 % are left."""
    return _whole(MID + (images - MID) * (0.6, 0.35)[severity])


def _shift(images: np.ndarray, severity: int) -> np.ndarray:
    """Right and down by 7 or 14 % of a side; the edge is repeated."""
    share = (0.07, 0.14)[severity]
    down, right = (max(1, round(share * side)) for side in images.shape[1:3])
    rows = np.maximum(np.arange(images.shape[1]) - down, 0)
    columns = np.maximum(np.arange(images.shape[2]) - right, 0)
    return images[:, rows][:, :, columns]


def _jpeg(images: np.ndarray, severity: int) -> np.ndarray:
    """Quality 20 or 8."""

    def through_a_file(one: Image.Image) -> Image.Image:
        file = io.BytesIO()
        one.save(file, "JPEG", quality=(20, 8)[severity])
        return Image.open(file)

    return _each(images, through_a_file)


def _each(images: np.ndarray, change: Callable[[Image.Image], Image.Image]) -> np.ndarray:
    return np.stack([np.asarray(change(Image.fromarray(one))) for one in np.asarray(images)])


def _whole(values: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


CORRUPTIONS: dict[str, Callable[[np.ndarray, int], np.ndarray]] = {
    "noise": _noise,
    "blur": _blur,
    "brightness": _brightness,
    "contrast": _contrast,
    "shift": _shift,
    "jpeg": _jpeg,
}
