"""What lies beside the pixels of a file never decides over them; sizes are those of decoding."""

from __future__ import annotations

import io
import struct
import time
import zlib

import numpy as np
import pytest
from PIL import Image

from model_zoo.images import NotAnImage, decode
from model_zoo.images.decode import FORMATS, TooManyPixels
from model_zoo.images.side_data import orientation_of, without_side_data

SIDEWAYS = b"Exif\0\0II*\0" + struct.pack("<IHHHIHHI", 8, 1, 0x0112, 3, 1, 6, 0, 0)
BAD_TIFF = {
    "no TIFF": b"\xab" * 40,
    "points outside": b"II*\0\xff\xff\xff\x7f",
    "more tags than bytes": b"II*\0\x08\0\0\0\xff\xff",
}
WITH_SIDE_DATA = [kind for kind in FORMATS if kind not in ("GIF", "BMP")]
LIMIT = 25_000_000


def picture(height: int = 60, width: int = 80) -> Image.Image:
    pixels = np.random.default_rng(1).integers(0, 256, (height // 10, width // 10, 3), np.uint8)
    return Image.fromarray(np.kron(pixels, np.ones((10, 10, 1), np.uint8)))


def file_of(kind: str, of: Image.Image | None = None, **options: object) -> bytes:
    target = io.BytesIO()
    (of or picture()).save(target, kind, **options)
    return target.getvalue()


def with_exif(kind: str, damage: bytes) -> bytes:
    """Writers look at what they write, so a good block is put in and then written over."""
    good = Image.Exif()
    good[0x010F] = "maker" * 20
    content = file_of(kind, exif=good.tobytes())
    start = max(content.find(b"II*\0"), content.find(b"MM\0*"))
    changed = content[:start] + damage + content[start + len(damage) :]
    return with_checksums(changed) if kind == "PNG" else changed


def with_checksums(png: bytes) -> bytes:
    found, place = png[:8], 8
    while place < len(png):
        end = place + 12 + int.from_bytes(png[place : place + 4], "big")
        body = png[place + 4 : end - 4]
        found += png[place : place + 4] + body + zlib.crc32(body).to_bytes(4, "big")
        place = end
    return found


def chunk(name: bytes, data: bytes, checksum: int | None = None) -> bytes:
    right = zlib.crc32(name + data)
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", checksum or right)


def into_png(*chunks: bytes) -> bytes:
    """A PNG with chunks between its header and its pixels."""
    content = file_of("PNG")
    return content[:33] + b"".join(chunks) + content[33:]


def segment(marker: int, data: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(data) + 2) + data


def into_jpeg(*segments: bytes) -> bytes:
    content = file_of("JPEG")
    return content[:2] + b"".join(segments) + content[2:]


@pytest.mark.parametrize("kind", WITH_SIDE_DATA)
@pytest.mark.parametrize("damage", BAD_TIFF)
def test_damaged_exif_changes_no_pixel(kind: str, damage: str) -> None:
    found = decode(with_exif(kind, BAD_TIFF[damage]), LIMIT)
    np.testing.assert_array_equal(
        found.pixels[..., :3], decode(file_of(kind), LIMIT).pixels[..., :3]
    )
    if kind not in ("HEIF", "AVIF"):  # there the turn is the picture's own, and EXIF is not read
        assert found.orientation == 1
        assert found.notes == ("its EXIF could not be read and was ignored",)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_the_orientation_is_read_from_exif_and_from_xmp(kind: str) -> None:
    xmp = b'<x:xmpmeta><rdf:Description tiff:Orientation="3"/></x:xmpmeta>'
    assert decode(file_of(kind, exif=SIDEWAYS), LIMIT).orientation == 6
    if kind != "PNG":
        assert decode(file_of(kind, xmp=xmp), LIMIT).orientation == 3
        assert decode(file_of(kind, xmp=xmp, exif=SIDEWAYS), LIMIT).orientation == 6


def test_other_tags_may_be_damaged() -> None:
    two = b"II*\0" + struct.pack("<IH", 8, 2)
    maker = struct.pack("<HHII", 0x010F, 2, 2**31, 2**31)  # a text far outside the file
    turned = struct.pack("<HHIHH", 0x0112, 3, 1, 8, 0)
    assert orientation_of(two + maker + turned) == 8


@pytest.mark.parametrize(
    ("content", "note"),
    [
        (into_png(chunk(b"eXIf", SIDEWAYS[6:], checksum=1)), "EXIF"),
        (into_png(chunk(b"iCCP", b"sRGB\0\0garbage")), "colour profile"),
        (into_png(chunk(b"zTXt", b"Comment\0\0garbage", checksum=7)), "comment"),
        (into_png(chunk(b"gAMA", b"")), None),
        (into_png(chunk(b"tRNS", b"\0")), "transparency"),
        (into_png(chunk(b"tRNS", bytes(6), checksum=3)), "transparency"),
        (into_png(chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0\xff\xfe")), "XMP"),
        (into_jpeg(segment(0xE2, b"ICC_PROFILE\0\1\1garbage")), "colour profile"),
        (into_jpeg(segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0\xff\xfe")), "XMP"),
        (into_jpeg(segment(0xE0, b"JFIF\0"), segment(0xEE, b"Adobe")), None),
        (into_jpeg(segment(0xFE, b"\xff" * 300), segment(0xED, b"Photoshop 3.0\0garbage")), None),
        (into_jpeg(segment(0xE2, b"MPF\0garbage")), None),
    ],
)
def test_damaged_side_data_is_ignored_and_noted(content: bytes, note: str | None) -> None:
    found = decode(content, LIMIT)
    assert found.size == (80, 60) and not found.transparent
    assert found.notes == ((f"its {note} could not be read and was ignored",) if note else ())


@pytest.mark.parametrize("size", [0, 1, 200, 2**16, 2**31 - 1])
@pytest.mark.parametrize(("kind", "name"), [("PNG", b"eXIf"), ("WEBP", b"EXIF"), ("WEBP", b"ICCP")])
def test_a_wrong_size_of_side_data_hides_no_pixels(kind: str, name: bytes, size: int) -> None:
    profile = bytes(36) + b"acsp" + bytes(88)
    options: dict[str, object] = {"exif": SIDEWAYS, "icc_profile": profile}
    if kind == "WEBP":
        options["lossless"] = True
    content = bytearray(file_of(kind, **options))
    place = content.index(name)
    order = "big" if kind == "PNG" else "little"
    start = place - 4 if kind == "PNG" else place + 4
    content[start : start + 4] = size.to_bytes(4, order)
    found = decode(bytes(content), LIMIT)
    np.testing.assert_array_equal(found.pixels, decode(file_of(kind, **options), LIMIT).pixels)
    assert len(found.notes) == 1


@pytest.mark.parametrize("size", [0, 2, 30, 5000, 65535])
@pytest.mark.parametrize("marker", [0xE1, 0xE2, 0xFE])
def test_a_wrong_size_of_a_jpegs_side_data_hides_no_pixels(marker: int, size: int) -> None:
    """The thumbnail in it is not taken for the picture either."""
    thumbnail = file_of("JPEG", picture(20, 30))
    content = bytearray(into_jpeg(segment(marker, SIDEWAYS + thumbnail)))
    content[4:6] = size.to_bytes(2, "big")
    found = decode(bytes(content), LIMIT)
    assert found.size == (80, 60)
    np.testing.assert_array_equal(found.pixels, decode(file_of("JPEG"), LIMIT).pixels)


@pytest.mark.parametrize(
    "content",
    [
        b"\xff\xd8" + b"\xff\xe1\0\3xx" * 200_000,
        b"\xff\xd8" + b"\xff\xdb\0\2" * 300_000,
        b"\x89PNG\r\n\x1a\n" + b"\0\0\0\1eXIfxxxxx" * 90_000,
        b"\x89PNG\r\n\x1a\n" + b"\0\0\0\1eXIfxxxxx" + b"\x7f\xff\xff\xffIDAT" * 100_000,
        b"RIFF\xff\xff\xff\0WEBP" + b"EXIF\1\0\0\0xVP8 " * 70_000,
    ],
    ids=["segments", "tables", "chunks", "sizes of chunks", "WebP"],
)
def test_looking_for_pixels_behind_damage_takes_no_time(content: bytes) -> None:
    started = time.process_time()
    without_side_data(content)
    assert time.process_time() - started < 2


def test_a_png_without_its_end_is_whole_and_one_without_pixels_is_none() -> None:
    content = file_of("PNG")
    whole = decode(content, LIMIT).pixels
    np.testing.assert_array_equal(decode(content[:-12], LIMIT).pixels, whole)
    with pytest.raises(NotAnImage):
        decode(content[:-40], LIMIT)


def test_what_is_not_understood_is_left_as_it_is() -> None:
    for content in (b"", b"\xff\xd8", b"\x89PNG\r\n\x1a\n", b"RIFF1234WEBP", b"\0\0\0\1ftyp"):
        with pytest.raises(NotAnImage, match="not an image that can be read"):
            decode(content, LIMIT)
    assert without_side_data(b"GIF89a...").content == b"GIF89a..."


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("cut", [1, 2])
def test_a_jpeg_may_lack_its_end_marker(progressive: bool, cut: int) -> None:
    content = file_of("JPEG", progressive=progressive)
    found = decode(content[:-cut], LIMIT)
    np.testing.assert_array_equal(found.pixels, decode(content, LIMIT).pixels)
    assert found.notes == ("its end is missing, which changes nothing that is seen",)
    np.testing.assert_array_equal(decode(content[:-2] + bytes(500), LIMIT).pixels, found.pixels)


def test_a_jpeg_that_lacks_pixels_is_refused() -> None:
    content = file_of("JPEG", picture(360, 300))
    for part in (0.3, 0.6, 0.9, 0.99):
        with pytest.raises(NotAnImage, match="send a complete"):
            decode(content[: int(part * len(content))], LIMIT)


def test_a_large_jpeg_is_decoded_at_a_fraction_and_a_large_png_is_refused() -> None:
    large = picture(1600, 1200)
    assert decode(file_of("JPEG", large), 250_000).pixels.shape == (400, 300, 4)
    with pytest.raises(TooManyPixels, match="1,200 x 1,600 pixels; at most 250,000 in all are"):
        decode(file_of("PNG", large), 250_000)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({}, "at most 160,000 in all of a JPEG are read"),
        ({"progressive": True, "subsampling": 0}, "at most 20,000 in all of a progressive JPEG"),
        ({"progressive": True, "subsampling": 2}, "at most 40,000 in all of a progressive JPEG"),
    ],
)
def test_the_limit_that_is_named_is_the_one_that_holds(options: dict, sentence: str) -> None:
    """A progressive file is kept whole while it is decoded: 2 bytes a sample."""
    with pytest.raises(TooManyPixels, match=sentence):
        decode(file_of("JPEG", picture(500, 400), **options), 20_000)
    height, width = (120, 160) if "subsampling" not in options else (100, 160)
    assert decode(file_of("JPEG", picture(height, width), **options), 20_000).size == (160, height)


def test_a_jpeg_of_thousands_of_scans_is_refused_before_it_is_decoded() -> None:
    content = file_of("JPEG", progressive=True)
    last = content.rindex(b"\xff\xda")
    many = content[:-2] + content[last:-2] * 500 + b"\xff\xd9"
    with pytest.raises(TooManyPixels, match="more than 100 scans"):
        decode(many, LIMIT)
    assert decode(content + many, LIMIT).size == (80, 60), "what follows its end does not count"


@pytest.mark.parametrize("bits", [1, 2, 4, 8, 16])
def test_a_key_colour_of_grey_is_clear_at_any_depth(bits: int) -> None:
    """Eight pixels of grey: four of 0 and four of the key."""
    key = 1
    row = int("".join(format(v, f"0{bits}b") for v in [0] * 4 + [key] * 4), 2).to_bytes(bits, "big")
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 8, 1, bits, 0, 0, 0, 0))
    body = chunk(b"tRNS", struct.pack(">H", key)) + chunk(b"IDAT", zlib.compress(b"\0" + row))
    found = decode(b"\x89PNG\r\n\x1a\n" + header + body + chunk(b"IEND", b""), LIMIT)
    assert found.pixels[0, :, 3].tolist() == [255] * 4 + [0] * 4


def test_a_key_colour_is_clear_before_the_picture_is_made_smaller() -> None:
    """Otherwise half tones of garment and key are left around it."""
    large = np.full((1800, 1500), 7, np.uint8)
    large[301:1501, 401:1101] = 90
    found = decode(file_of("PNG", Image.fromarray(large), transparency=7), LIMIT).pixels
    assert found[..., 0][found[..., 3] > 0].min() > 80, "7 where it is not clear"
