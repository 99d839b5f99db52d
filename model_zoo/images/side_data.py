"""What a picture's file carries beside its pixels: taken out before the pixels are decoded.

EXIF, colour profiles, XMP, comments and thumbnails decide nothing about the pixels, yet decoders
read them on their way there and fail on those that are damaged. So they are cut out (PNG, JPEG,
WebP) or renamed so that nobody looks at them (HEIF, AVIF, whose offsets must stay), and of all of
them only the orientation is read. What cannot be read is noted and ignored. A file whose structure
is not understood is left as it is: the decoder has the last word.

Structures after PNG (Third Edition), ITU-T T.81 and JFIF 1.02, the WebP container specification,
ISO/IEC 14496-12 and 23008-12.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice

from model_zoo.images.jpeg_segments import JPEG_START, SCAN, segments

ORIENTATION = 0x0112  # the tag of EXIF
XMP_ORIENTATION = re.compile(rb'tiff:Orientation(?:="|>)([1-8])')

PNG_START = b"\x89PNG\r\n\x1a\n"
PNG_PIXELS = (b"IHDR", b"PLTE", b"IDAT")  # and tRNS, where it is whole
MOST_TRIED = 16
PNG_NAMES = re.compile(b"PLTE|IDAT|tRNS|IEND")
PNG_END = b"\0\0\0\0IEND\xaeB`\x82"
GREY, RGB, PALETTE = 0, 2, 3  # colour types of PNG that a tRNS may belong to
NARROW = (2, 4)  # bits of grey that Pillow widens to 8, but not the key colour

JFIF, ADOBE = (0xE0, b"JFIF\0", 14), (0xEE, b"Adobe", 12)  # they say how colours are coded

WEBP_SIDE = {b"ICCP": 0x20, b"EXIF": 0x08, b"XMP ": 0x04}  # with their flags in VP8X
WEBP_WORDS = {b"ICCP": "colour profile", b"EXIF": "EXIF", b"XMP ": "XMP"}
WEBP_PIXELS = (b"VP8X", b"VP8 ", b"VP8L", b"ALPH", b"ANIM", b"ANMF")
WEBP_NAMES = re.compile(b"VP8 |VP8L|ALPH|ANIM")
HEIF_SIDE = (b"Exif", b"mime")  # types of items; the second is XMP
NOT_READ = "its {} could not be read and was ignored"


@dataclass
class Pixels:
    """A file reduced to its pixels.

    Attributes:
        content: the file without side data; what Pillow decodes.
        orientation: EXIF's or XMP's, as the file has it; None: it says none that can be read.
        notes: sentences about side data that was damaged.
    """

    content: bytes
    orientation: int | None = None
    notes: list[str] = field(default_factory=list)

    def read_exif(self, exif: bytes) -> None:
        """Keep the orientation of an EXIF block, or note that the block makes no sense."""
        try:
            found = orientation_of(exif)
        except ValueError:
            self.note("EXIF")
            return
        self.orientation = found if found is not None else self.orientation

    def read_xmp(self, xmp: bytes) -> None:
        """Keep the orientation that XMP names, unless EXIF has named one."""
        if not _is_utf8(xmp):
            self.note("XMP")
        named = XMP_ORIENTATION.search(xmp)
        if named and self.orientation is None:
            self.orientation = int(named[1])

    def read_icc(self, profile: bytes) -> None:
        """Colour profiles are not applied; one that is none is noted all the same."""
        if profile[36:40] != b"acsp":
            self.note("colour profile")

    def note(self, what: str) -> None:
        if (sentence := NOT_READ.format(what)) not in self.notes:
            self.notes.append(sentence)


def without_side_data(content: bytes) -> Pixels:
    """The same picture without what lies beside its pixels; never fails."""
    if content.startswith(PNG_START):
        return _png(content)
    if content.startswith(JPEG_START):
        return _jpeg(content)
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return _webp(content)
    if content[4:8] == b"ftyp":
        return _heif(content)
    return Pixels(content)


def orientation_of(exif: bytes) -> int | None:
    """The orientation in an EXIF block, with or without its header; None where it has none.

    Other tags are not looked at, so damage to them is none.

    Raises:
        ValueError: it is no TIFF structure, or ends before its first directory does.
    """
    tiff = exif.removeprefix(b"Exif\0\0")
    order = {b"II*\0": "little", b"MM\0*": "big"}.get(tiff[:4])
    if order is None:
        raise ValueError("no TIFF header")

    def number(start: int, size: int) -> int:
        part = tiff[start : start + size]
        if len(part) < size:
            raise ValueError("cut off")
        return int.from_bytes(part, order)  # type: ignore[arg-type]

    directory = number(4, 4)
    for i in range(number(directory, 2)):
        entry = directory + 2 + 12 * i
        if number(entry, 2) == ORIENTATION and number(entry + 2, 2) == 3:
            return number(entry + 8, 2)
    return None


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


def _png(content: bytes) -> Pixels:
    kept = [PNG_START]
    found = Pixels(content)
    depth, colour, palette, place, looked = 8, -1, 0, len(PNG_START), False
    while place + 12 <= len(content):
        size, name = (
            int.from_bytes(content[place : place + 4], "big"),
            content[place + 4 : place + 8],
        )
        end = place + 12 + size
        data, whole = content[place + 8 : end - 4], content[place:end]
        place = end
        if name in PNG_PIXELS:
            if name == b"IHDR" and len(data) > 9:
                depth, colour = data[8], data[9]
            palette = len(data) // 3 if name == b"PLTE" else palette
            kept.append(whole)
            continue
        if name == b"IEND":
            break
        if end > len(content) or zlib.crc32(name + data) != int.from_bytes(whole[-4:], "big"):
            found.note(_words_of(name))
            if not looked:
                looked = True  # once: a hostile file has millions
                place = _next_chunk(content, end - size) or end  # it may be its size
        elif name == b"tRNS":
            fits = {GREY: size == 2, RGB: size == 6, PALETTE: 0 < size <= palette}
            if fits.get(colour, False):
                kept.append(_widened(data, depth) if colour == GREY and depth in NARROW else whole)
            else:
                found.note("transparency")
        elif name == b"eXIf":
            found.read_exif(data)
        elif name == b"iTXt" and data.startswith(b"XML:com.adobe.xmp"):
            found.read_xmp(data)
        elif name == b"iCCP":
            _read_png_profile(found, data)
    if any(one[4:8] == b"IDAT" for one in kept):
        found.content = b"".join([*kept, PNG_END])
    return found


def _next_chunk(content: bytes, place: int) -> int | None:
    """Where the next chunk of pixels that is whole begins, in a PNG; None: there is no such."""
    for match in islice(PNG_NAMES.finditer(content, place), MOST_TRIED):
        start = match.start() - 4
        end = match.end() + int.from_bytes(content[start : start + 4], "big")
        if zlib.crc32(content[match.start() : end]).to_bytes(4, "big") == content[end : end + 4]:
            return start
    return None


def _widened(key: bytes, depth: int) -> bytes:
    """A chunk tRNS whose grey value is that of 8 bits."""
    value = int.from_bytes(key, "big") % 2**depth * 255 // (2**depth - 1)
    chunk = b"tRNS" + value.to_bytes(2, "big")
    return b"\0\0\0\2" + chunk + zlib.crc32(chunk).to_bytes(4, "big")


def _words_of(name: bytes) -> str:
    words = {b"eXIf": "EXIF", b"iCCP": "colour profile", b"tRNS": "transparency"}
    texts = (b"tEXt", b"zTXt", b"iTXt")
    other = name.decode("latin-1") if name.isalpha() else "end"
    return words.get(name, "comment" if name in texts else f"side data ({other})")


def _read_png_profile(found: Pixels, data: bytes) -> None:
    try:
        start = zlib.decompressobj().decompress(data.partition(b"\0")[2][1:], 128)
    except zlib.error:
        start = b""
    found.read_icc(start)


def _jpeg(content: bytes) -> Pixels:
    """Segments up to the first scan; what follows is pixels, and gets its end if it has none."""
    kept = [slice(0, len(JPEG_START))]
    found = Pixels(content)
    for marker, where in segments(content):
        if marker == SCAN[1]:
            kept.append(where)
            break
        if not (0xE0 <= marker <= 0xEF or marker == 0xFE):
            kept.append(where)
            continue
        data = content[where][4:]
        if any(marker == m and data.startswith(s) and len(data) >= n for m, s, n in (JFIF, ADOBE)):
            kept.append(where)
        elif marker == 0xE1 and data.startswith(b"Exif\0"):
            found.read_exif(data)
        elif marker == 0xE1 and data.startswith(b"http://ns.adobe.com/xap/"):
            found.read_xmp(data)
        elif marker == 0xE2 and data.startswith(b"ICC_PROFILE\0\1"):
            found.read_icc(data[14:])
    else:
        return found  # no scan: left to the decoder, which says what is wrong
    if sum(one.stop - one.start for one in kept) < len(content):
        whole = memoryview(content)
        found.content = b"".join(whole[one] for one in kept)
    return found


def _webp(content: bytes) -> Pixels:
    kept: list[bytes] = []
    found = Pixels(content)
    place = 12
    while place + 8 <= len(content):
        name, size = (
            content[place : place + 4],
            int.from_bytes(content[place + 4 : place + 8], "little"),
        )
        data, whole = (
            content[place + 8 : place + 8 + size],
            content[place : place + 8 + size + size % 2],
        )
        place += 8 + size + size % 2
        known = content[place : place + 4] in (b"", *WEBP_PIXELS, *WEBP_SIDE)
        if name not in WEBP_PIXELS and (not known or place > len(content) + 1):
            found.note(WEBP_WORDS.get(name, "side data"))  # it is its size that is damaged
            place = _next_webp(content, place - size - size % 2)
            continue
        if name == b"EXIF":
            found.read_exif(data)
        elif name == b"XMP ":
            found.read_xmp(data)
        elif name == b"ICCP":
            found.read_icc(data)
        elif name == b"VP8X" and data:
            kept.append(whole[:8] + bytes([data[0] & ~sum(WEBP_SIDE.values())]) + whole[9:])
        elif name in WEBP_PIXELS:
            kept.append(whole)
    body = b"WEBP" + b"".join(kept)
    found.content = b"RIFF" + len(body).to_bytes(4, "little") + body
    return found


def _next_webp(content: bytes, place: int) -> int:
    found = WEBP_NAMES.search(content, place)
    return found.start() if found else len(content)


def _heif(content: bytes) -> Pixels:
    """Items of EXIF and XMP get a type that no decoder knows, colour profiles one that is skipped.

    The turn of such a picture is a property of the image, which the decoder follows; its EXIF only
    repeats it.
    """
    changed = bytearray(content)
    for name, start, end in _boxes(content, 0, len(content)):
        if name != b"meta":
            continue
        for inner, first, last in _boxes(content, start + 4, end):
            if inner == b"iinf":
                wide = content[first] > 0  # version 1 counts in four bytes
                _hide_items(content, changed, first + (8 if wide else 6), last)
            elif inner == b"iprp":
                _hide_profiles(content, changed, first, last)
    return Pixels(bytes(changed))


def _hide_items(content: bytes, changed: bytearray, start: int, end: int) -> None:
    for name, first, _ in _boxes(content, start, end):
        if name == b"infe" and content[first : first + 1] in (b"\2", b"\3"):
            place = first + (8 if content[first] == 2 else 10)
            if content[place : place + 4] in HEIF_SIDE:
                changed[place : place + 4] = b"skip"


def _hide_profiles(content: bytes, changed: bytearray, start: int, end: int) -> None:
    for name, first, last in _boxes(content, start, end):
        if name != b"ipco":
            continue
        for inner, at, _ in _boxes(content, first, last):
            if inner == b"colr" and content[at : at + 4] in (b"prof", b"rICC"):
                changed[at - 4 : at] = b"free"


def _boxes(content: bytes, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """(type, start of its content, end) of the boxes in a part of the file that fit into it."""
    while start + 8 <= end:
        size = int.from_bytes(content[start : start + 4], "big")
        head = 8
        if size == 1:
            size, head = int.from_bytes(content[start + 8 : start + 16], "big"), 16
        size = size or end - start
        if size < head or start + size > end:
            return
        yield content[start + 4 : start + 8], start + head, start + size
        start += size
