"""JPEGs of any size: decoded by a fraction that fits, with limits on what decoding would cost.

The decoder computes a picture at a half, a quarter or an eighth from the same file, so that 48
million pixels, as phones take them, need the memory of one million. Not so where the coefficients
of the whole picture have to be kept, which is so in a progressive file and in one of several
scans; and the time goes with the number of scans, which a small file may have thousands of.
"""

from __future__ import annotations

import io
import re
from dataclasses import dataclass

import numpy as np
from PIL.JpegImagePlugin import JpegImageFile

from model_zoo.images.jpeg_segments import JPEG_END, SCAN, segments

FRACTIONS = (1, 2, 4, 8)
MOST_AT_AN_EIGHTH = 8  # times the largest picture that is decoded whole: what time allows
MOST_SCANS = 100  # progressive files have about ten
SAMPLES_A_PIXEL = 3  # of coefficients, where all of them are kept
NEXT_MARKER = re.compile(rb"\xff[\x02-\xcf\xd9-\xfe]")  # in coded pixels there are others only


class TooManyScans(ValueError):
    """More than any program writes."""


@dataclass(frozen=True)
class Frame:
    """What the frame header says. ``samples``: coefficients that the decoder may have to keep."""

    width: int
    height: int
    samples: int
    kept_whole: bool

    @property
    def pixels(self) -> int:
        return self.width * self.height

    def fits(self, max_pixels: int) -> bool:
        """Whether it can be decoded by some fraction where ``max_pixels`` are decoded whole."""
        if self.kept_whole and self.samples > SAMPLES_A_PIXEL * max_pixels:
            return False
        return self.pixels <= MOST_AT_AN_EIGHTH * max_pixels

    def limit(self, max_pixels: int) -> int:
        """The most pixels that a file of this kind may have."""
        if not self.kept_whole:
            return MOST_AT_AN_EIGHTH * max_pixels
        return SAMPLES_A_PIXEL * max_pixels * self.pixels // max(self.samples, 1)

    def fraction(self, longer: int, shorter: int, max_pixels: int) -> int:
        """The smallest copy of which either side is long enough, or that has few enough pixels."""
        least, most = sorted((self.width, self.height))
        enough = [one for one in FRACTIONS if most >= one * longer or least >= one * shorter]
        small = [one for one in FRACTIONS if self.pixels <= max_pixels * one * one]
        return max(enough[-1] if enough else 1, small[0] if small else FRACTIONS[-1])


def frame_of(content: bytes) -> Frame | None:
    """What the header says of the first frame; None if there is none.

    Raises:
        TooManyScans: over ``MOST_SCANS``.
    """
    found = None
    for marker, where in segments(content):
        if marker == SCAN[1]:
            several = _count_scans(content, where.start) > 1
            return found and Frame(*found[:3], kept_whole=found[3] or several)
        if not 0xC0 <= marker <= 0xCF or marker in (0xC4, 0xC8, 0xCC):
            continue
        segment = content[where]
        if len(segment) > 9:
            height, width = (int.from_bytes(segment[i : i + 2], "big") for i in (5, 7))
            factors = [divmod(one, 16) for one in segment[11::3]]
            largest = max((h * v for h, v in factors), default=1) or 1
            samples = width * height * sum(h * v for h, v in factors) // largest
            progressive = marker in (0xC2, 0xC6, 0xCA, 0xCE)
            found = (width, height, samples, progressive)
    return None


def _count_scans(content: bytes, place: int) -> int:
    """Of a file from its first scan, at ``place``, to its end marker; other pictures may follow."""
    count = 0
    while (found := NEXT_MARKER.search(content, place)) and found[0] != JPEG_END:
        count += found[0] == SCAN
        if count > MOST_SCANS:
            raise TooManyScans(f"it has more than {MOST_SCANS} scans")
        place = found.end() + int.from_bytes(content[found.end() : found.end() + 2], "big")
    return count


def ended(content: bytes, frame: Frame) -> bytes:
    """The file with its end marker, which some programs and cut transfers leave away.

    Raises:
        OSError: pixels are missing too.
    """
    if content.endswith(JPEG_END) or content.find(JPEG_END, content.find(SCAN)) >= 0:
        return content
    content = content.rstrip(b"\xff")
    # A decoder makes up what is missing from what follows, and passes over what it does not need.
    with_end, filled = (
        np.asarray(open_jpeg(content + more + JPEG_END, FRACTIONS[-1], frame))
        for more in (b"", _filling())
    )
    if not np.array_equal(with_end, filled):
        raise OSError("the file is cut off")
    return content + JPEG_END


def _filling() -> bytes:
    """Any bytes without a marker."""
    return np.random.default_rng(0).integers(0, 255, 256, np.uint8).tobytes()


def open_jpeg(content: bytes, fraction: int, frame: Frame) -> JpegImageFile:
    """Open for decoding at a half, a quarter or an eighth.

    Not by ``Image.open``: that refuses by the size of the file's picture, not of what is decoded.
    """
    opened = JpegImageFile(io.BytesIO(content))
    opened.draft(None, (max(1, frame.width // fraction), max(1, frame.height // fraction)))
    opened.decodermaxblock = len(content)  # all at once, not 64 kB and what is left of them again
    return opened
