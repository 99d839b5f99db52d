"""Read an image file that anybody may have sent: limits first, then a small copy of its pixels.

Decoding needs the whole frame in memory for a moment; what is kept is at most ``WORKING_SIDE``
pixels a side, so that everything after it is cheap whatever was sent.
"""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
from PIL import ExifTags, Image

from model_zoo.errors import UserError

try:  # the extra `heic`: its wheels carry an encoder under the GPL, which not everybody may ship
    from pillow_heif import register_heif_opener
except ImportError:
    HEIC = False
else:
    register_heif_opener()
    HEIC = True

#: What is read. Pillow's JPEG also takes MPO, which several phones write; HEIF is an iPhone's HEIC.
FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "AVIF", *(["HEIF"] if HEIC else []))
FORMATS_IN_WORDS = f"PNG, JPEG, WebP, GIF, BMP{', AVIF or HEIC' if HEIC else ' or AVIF'}"
HEIC_BRANDS = (b"ftypheic", b"ftypheix", b"ftypmif1", b"ftypheim", b"ftypheis")
WORKING_SIDE = 512
UPRIGHT = 1  # the EXIF orientation of a picture that is not turned
TURNED = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


class NotAnImage(UserError):
    """The content is no image that we read, or one that would not fit in memory."""


@dataclass(frozen=True)
class Decoded:
    """``pixels`` uint8 (h, w, 4), RGBA as stored; ``size`` (width, height) of the file's image.

    ``orientation`` is EXIF's, 1 to 8; ``transparent`` says whether any pixel lets light through.
    """

    pixels: np.ndarray
    size: tuple[int, int]
    orientation: int
    transparent: bool


def decode(content: bytes, max_pixels: int) -> Decoded:
    """Decode the first frame of an image file.

    Raises:
        NotAnImage: not one of ``FORMATS``, damaged, or more than ``max_pixels``; nothing of a
            picture that is too large is decoded.
    """
    try:
        opened = Image.open(io.BytesIO(content), formats=FORMATS)
        width, height = opened.size
        if width * height > max_pixels:
            raise NotAnImage(
                f"the image has {width:,} x {height:,} pixels; at most {max_pixels:,} in all are "
                "read. Send a smaller one"
            )
        # JPEG can be decoded at a half, a quarter or an eighth: much faster for a photograph.
        opened.draft(None, (2 * WORKING_SIDE, 2 * WORKING_SIDE))
        orientation = int(opened.getexif().get(ExifTags.Base.Orientation, UPRIGHT))
        rgba = _small_rgba(opened)
    except NotAnImage:
        raise
    except Image.DecompressionBombError:
        raise NotAnImage(
            f"the image has more than {max_pixels:,} pixels: send a smaller one"
        ) from None
    except Exception:  # a hostile file makes the decoders fail in every way there is
        if not HEIC and content[4:12] in HEIC_BRANDS:
            raise NotAnImage(
                "this is an HEIC picture, as iPhones take them, which is not read here: send it as "
                "JPEG, or install Catwalk's extra `heic`"
            ) from None
        raise NotAnImage(
            f"this is not an image that can be read: send a complete {FORMATS_IN_WORDS}"
        ) from None
    return Decoded(
        pixels=rgba,
        size=(width, height),
        orientation=orientation if orientation in TURNED else UPRIGHT,
        transparent=bool((rgba[..., 3] < 255).any()),
    )


def _small_rgba(opened: Image.Image) -> np.ndarray:
    if opened.mode.startswith("I") or opened.mode == "F":  # Pillow clips these to 8 bits
        wide = np.asarray(opened, np.float64)
        scale = 257.0 if opened.mode.startswith("I") else 1.0
        grey = np.nan_to_num(wide / scale).clip(0, 255).astype(np.uint8)
        opened = Image.fromarray(grey)
    elif opened.mode not in ("L", "RGB", "RGBA", "LA"):
        opened = opened.convert("RGBA" if opened.has_transparency_data else "RGB")
    if opened.mode == "RGB" and "transparency" in opened.info:
        opened = opened.convert("RGBA")
    factor = max(opened.size) // WORKING_SIDE
    if factor > 1:
        opened = opened.reduce(factor)
    if max(opened.size) > WORKING_SIDE:
        # thumbnail would do the draft again; the proportions are kept to the pixel here.
        scale = WORKING_SIDE / max(opened.size)
        size = tuple(max(1, round(side * scale)) for side in opened.size)
        opened = opened.resize(size, Image.Resampling.BOX)  # type: ignore[arg-type]
    return np.asarray(opened.convert("RGBA"))
