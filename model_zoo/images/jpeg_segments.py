"""The segments of a JPEG, up to its pixels (ITU-T T.81), also past one whose size is damaged."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice

JPEG_START = b"\xff\xd8"
JPEG_END = b"\xff\xd9"
SCAN = b"\xff\xda"
FRAMES = (0xC0, 0xC1, 0xC2)
TABLES = re.compile(b"\xff[\xc0-\xc2\xc4\xdb\xdd]")  # what pixels begin with
MOST_TRIED = 64


def segments(content: bytes) -> Iterator[tuple[int, slice]]:
    """(marker, where its segment is, marker included) up to the first scan, with which all the rest
    comes."""
    place, looked = 2, False
    while (place := content.find(b"\xff", place)) >= 0:
        marker = content[place + 1] if place + 1 < len(content) else 0
        if not 0xC0 <= marker <= 0xFE or 0xD0 <= marker <= 0xD9:  # filling, or no segment
            place += 1
            continue
        if marker == SCAN[1]:
            yield marker, slice(place, len(content))
            return
        end = place + 2 + int.from_bytes(content[place + 2 : place + 4], "big")
        is_side_data = 0xE0 <= marker <= 0xEF or marker == 0xFE
        if is_side_data and content[end : end + 1] != b"\xff" and not looked:
            looked = True  # once: a hostile file has millions
            end = _picture_after(content, place + 2) or end  # it is its size that is damaged
        yield marker, slice(place, min(end, len(content)))
        place = max(end, place + 4)


def _picture_after(content: bytes, place: int) -> int | None:
    """Where a JPEG's segments lead to pixels again; None: nowhere.

    A thumbnail in EXIF looks the same: the largest picture is meant.
    """
    largest, found = 0, None
    for match in islice(TABLES.finditer(content, place), MOST_TRIED):
        pixels = _pixels_from(content, match.start())
        if pixels > largest:
            largest, found = pixels, match.start()
    return found


def _pixels_from(content: bytes, place: int) -> int:
    """Of the frame that segments from here on lead to; 0 where they lead to no scan."""
    pixels = 0
    for _ in range(MOST_TRIED):
        marker = content[place + 1] if content[place : place + 1] == b"\xff" else 0
        if marker == SCAN[1]:
            return pixels
        if not 0xC0 <= marker <= 0xFE:
            return 0
        if marker in FRAMES:
            height, width = (content[place + i : place + i + 2] for i in (5, 7))
            pixels = int.from_bytes(height, "big") * int.from_bytes(width, "big")
        place += 2 + int.from_bytes(content[place + 2 : place + 4], "big")
    return 0
