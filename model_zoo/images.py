"""From a picture that somebody took to the raw pixels that a classifier was trained on."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from model_zoo.errors import UserError

# The dataset shows light garments on black (https://github.com/zalandoresearch/fashion-mnist);
# a border brighter than this is a light background, as most photographs of products have.
LIGHT_BACKGROUND = 127


class NotAnImage(UserError):
    """The content is no image that we read, or one that would not fit in memory."""


def read_image(content: bytes, shape: tuple[int, int], max_pixels: int) -> np.ndarray:
    """Decode a picture and bring it to ``shape``: grey, light on dark, proportions kept.

    Returns:
        uint8 (h, w).

    Raises:
        NotAnImage: not an image, cut off, or more than ``max_pixels``; nothing of a picture that
            is too large is decoded.
    """
    try:
        opened = Image.open(io.BytesIO(content))
        width, height = opened.size
        if width * height > max_pixels:
            raise NotAnImage(
                f"the image has {width:,} x {height:,} pixels; at most {max_pixels:,} in all are "
                "read. Send a smaller one"
            )
        picture: Image.Image = ImageOps.exif_transpose(opened)
        if picture.has_transparency_data:
            picture = picture.convert("RGBA")
            canvas = Image.new("RGBA", picture.size, "white")
            picture = Image.alpha_composite(canvas, picture)
        grey = picture.convert("L")
    except NotAnImage:
        raise
    except Image.DecompressionBombError:
        raise NotAnImage(
            f"the image has more than {max_pixels:,} pixels: send a smaller one"
        ) from None
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, EOFError):
        raise NotAnImage(
            "this is not an image that can be read: send a complete PNG, JPEG, WebP, GIF or BMP"
        ) from None
    return fit(light_on_dark(np.asarray(grey)), shape)


def light_on_dark(grey: np.ndarray) -> np.ndarray:
    """Invert a picture whose border is light; uint8 (h, w) in and out."""
    border = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    return 255 - grey if np.median(border) > LIGHT_BACKGROUND else grey


def fit(grey: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Scale to ``shape`` without changing proportions, centred on black; uint8."""
    if grey.shape == shape:
        return grey
    scale = min(shape[0] / grey.shape[0], shape[1] / grey.shape[1])
    height, width = (max(1, round(side * scale)) for side in grey.shape)
    small = np.asarray(Image.fromarray(grey).resize((width, height), Image.Resampling.LANCZOS))
    canvas = np.zeros(shape, np.uint8)
    top, left = (shape[0] - height) // 2, (shape[1] - width) // 2
    canvas[top : top + height, left : left + width] = small
    return canvas


def png(grey: np.ndarray) -> bytes:
    """uint8 (h, w) as a PNG file."""
    target = io.BytesIO()
    Image.fromarray(grey).save(target, "PNG")
    return target.getvalue()
