"""Read an image file that anybody may have sent: limits first, then a small copy of its pixels.

Decoding needs the whole frame in memory for a moment; what is kept is at most ``WORKING_SIDE``
pixels a side, so that everything after it is cheap whatever was sent.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from PIL import ExifTags, Image

from model_zoo.errors import UserError
from model_zoo.images.jpeg import TooManyScans, ended, frame_of, open_jpeg
from model_zoo.images.jpeg_segments import JPEG_START
from model_zoo.images.side_data import Pixels, without_side_data

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
#: The longer side of what is kept at the most; a JPEG is decoded no larger than that takes.
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


class TooManyPixels(NotAnImage):
    """Decoding it would take more memory or time than is given."""


@dataclass(frozen=True)
class Decoded:
    """A small copy of a file's picture, as stored.

    Attributes:
        picture: RGBA where any pixel lets light through, else RGB.
        size: (width, height) of the file's picture.
        orientation: EXIF's, 1 to 8.
        notes: name side data of the file that was damaged and is ignored.
    """

    picture: Image.Image
    size: tuple[int, int]
    orientation: int
    notes: tuple[str, ...] = ()

    @property
    def transparent(self) -> bool:
        """Whether any pixel lets light through."""
        return self.picture.mode == "RGBA"

    @cached_property
    def pixels(self) -> np.ndarray:
        """RGBA, uint8 (h, w, 4)."""
        return np.asarray(self.picture.convert("RGBA"))


def decode(content: bytes, max_pixels: int, least: int = WORKING_SIDE) -> Decoded:
    """Decode the first frame of an image file.

    Side data (EXIF, colour profile, XMP, comments) gives the orientation if it can be read, and
    decides nothing else. A JPEG may lack its end marker.

    Args:
        max_pixels: of a picture that is decoded whole. A JPEG may have eight times as many: it is
            decoded at a fraction.
        least: pixels of the shorter side of which a JPEG need not be decoded to more: what the
            steps that follow take (``images.least_side``).

    Raises:
        NotAnImage: not one of ``FORMATS``, or damaged.
        TooManyPixels: nothing of such a picture is decoded.
    """
    found = without_side_data(content)
    try:
        opened, size = _opened(found, max_pixels, least)
        orientation = found.orientation or _orientation(opened)
        small = _small(opened)
    except NotAnImage:
        raise
    except TooManyScans as error:
        raise TooManyPixels(f"this JPEG would take too long: {error}. Save it anew") from None
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
        picture=small,
        size=size,
        orientation=orientation if orientation in TURNED else UPRIGHT,
        notes=tuple(found.notes),
    )


def _opened(found: Pixels, max_pixels: int, least: int) -> tuple[Image.Image, tuple[int, int]]:
    """Ready to be decoded, at a fraction where the format can, and the size of all of it."""
    content = found.content
    frame = frame_of(content) if content.startswith(JPEG_START) else None
    if frame is not None:
        size = (frame.width, frame.height)
        if not frame.fits(max_pixels):
            kind = "a progressive JPEG" if frame.kept_whole else "a JPEG"
            raise _too_many(size, frame.limit(max_pixels), f" of {kind}")
        whole = ended(content, frame)
        if whole != content:
            found.notes.append("its end is missing, which changes nothing that is seen")
        return open_jpeg(whole, frame.fraction(WORKING_SIDE, least, max_pixels), frame), size
    try:
        opened = Image.open(io.BytesIO(content), formats=FORMATS)
    except Image.DecompressionBombError:
        limit = min(max_pixels, 2 * (Image.MAX_IMAGE_PIXELS or max_pixels))
        raise TooManyPixels(
            f"the image has more than {limit:,} pixels: send a smaller one"
        ) from None
    size = opened.size
    opened.draft(None, (2 * WORKING_SIDE, 2 * WORKING_SIDE))  # a HEIC may have a small copy inside
    if opened.size[0] * opened.size[1] > max_pixels:
        raise _too_many(size, max_pixels)
    return opened, size


def _too_many(size: tuple[int, int], limit: int, of: str = "") -> TooManyPixels:
    return TooManyPixels(
        f"the image has {size[0]:,} x {size[1]:,} pixels; at most {limit:,} in all{of} are read. "
        "Send a smaller one"
    )


def _orientation(opened: Image.Image) -> int:
    """Of a format that tells it by other means: AVIF's decoder makes EXIF of the picture's turn."""
    return int(opened.getexif().get(ExifTags.Base.Orientation, UPRIGHT))


def _small(opened: Image.Image) -> Image.Image:
    """RGB, or RGBA where any pixel lets light through, of at most ``WORKING_SIDE``."""
    opened = _eight_bits(opened)
    if opened.has_transparency_data:  # before it is made smaller: a key colour has no half tones
        opened = opened.convert("RGBA")
    elif opened.mode not in ("L", "RGB"):
        opened = opened.convert("RGB")
    factor = max(opened.size) // WORKING_SIDE
    if factor > 1:
        opened = opened.reduce(factor)
    if max(opened.size) > WORKING_SIDE:
        # thumbnail would do the draft again; the proportions are kept to the pixel here.
        scale = WORKING_SIDE / max(opened.size)
        size = tuple(max(1, round(side * scale)) for side in opened.size)
        opened = opened.resize(size, Image.Resampling.BOX)  # type: ignore[arg-type]
    if opened.mode == "RGBA" and opened.getchannel("A").getextrema() != (255, 255):
        return opened
    opened.load()
    return opened if opened.mode == "RGB" else opened.convert("RGB")


def _eight_bits(opened: Image.Image) -> Image.Image:
    """The same picture with 8 bits a channel, and its key colour with them."""
    key = opened.info.get("transparency")
    if opened.mode.startswith("I") or opened.mode == "F":  # Pillow clips these to 8 bits
        wide = np.asarray(opened, np.float64)
        scale = 257.0 if opened.mode.startswith("I") else 1.0
        grey = np.nan_to_num(wide / scale).clip(0, 255).astype(np.uint8)
        if not isinstance(key, int):
            return Image.fromarray(grey)
        return Image.fromarray(np.dstack([grey, np.where(wide == key, 0, 255).astype(np.uint8)]))
    if isinstance(key, tuple) and max(key) > 255:  # of 16 bits a channel, of which 8 are kept
        opened.load()
        opened.info["transparency"] = tuple(one >> 8 for one in key)
    return opened
