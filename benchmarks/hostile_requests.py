"""Requests that `benchmarks.fuzz_uploads` makes beside mutated images: each kind a function.

Side data mutated apart from pixels, pictures with transparency of every kind, ZIP structures, JSON.
"""

from __future__ import annotations

import base64
import io
import json
import struct
import zipfile
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import Image

Rng = np.random.Generator
Request = dict[str, Any]
EXIF = b"Exif\0\0II*\0" + struct.pack("<IHHHIHHI", 8, 1, 0x0112, 3, 1, 6, 0, 0) + bytes(40)
XMP = b'<x:xmpmeta><rdf:Description tiff:Orientation="3"/></x:xmpmeta>' + b" " * 40
PROFILE = bytes(36) + b"acsp" + bytes(88)
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
DEEPEST = 5000


def overwritten(content: bytes, rng: Rng, start: int, end: int) -> bytes:
    """Some bytes between two places."""
    changed = bytearray(content)
    for place in rng.integers(start, max(end, start + 1), rng.integers(1, 12)):
        changed[place] = rng.choice([0, 1, 127, 128, 255, rng.integers(0, 256)])
    return bytes(changed)


def a_picture(rng: Rng) -> Image.Image:
    return Image.fromarray(rng.integers(0, 256, (30, 40, 3), np.uint8))


def side_data(rng: Rng) -> bytes:
    """EXIF, XMP and colour profile of PNG, JPEG, WebP or AVIF, changed; the pixels are not."""
    kind = ("PNG", "JPEG", "WEBP", "AVIF")[rng.integers(4)]
    target = io.BytesIO()
    kept = {"exif": EXIF, "icc_profile": PROFILE} | ({} if kind == "PNG" else {"xmp": XMP})
    a_picture(rng).save(target, kind, **kept)
    content = target.getvalue()
    for block in (EXIF[6:26], XMP[:60], PROFILE[30:50]):
        place = content.find(block)
        if place >= 0:
            content = overwritten(content, rng, max(12, place - 16), place + len(block))
    return with_checksums(content) if kind == "PNG" and rng.integers(2) else content


def with_checksums(png: bytes) -> bytes:
    """A PNG whose chunks all have the checksum of what is in them, as far as they go."""
    found, place = png[:8], 8
    while place + 12 <= len(png):
        end = place + 12 + int.from_bytes(png[place : place + 4], "big")
        body = png[place + 4 : end - 4]
        found += png[place : place + 4] + body + zlib.crc32(body).to_bytes(4, "big")
        place = end
    return found


def transparent(rng: Rng) -> bytes:
    """Alpha, key colours and clear entries of palettes at any depth; one in two is damaged."""
    pixels = rng.integers(0, 256, (30, 40), np.uint8)
    clear = Image.fromarray(rng.choice(np.array([0, 255, 90], np.uint8), (30, 40)))
    grey = Image.fromarray(pixels)
    options: dict[str, Any] = {}
    how = rng.integers(0, 6)
    if how == 0:
        grey.putalpha(clear)
    elif how == 1:
        grey = a_picture(rng)
        grey.putalpha(clear)
    elif how == 2:
        grey = a_picture(rng).quantize(int(rng.integers(2, 255)))
        options["transparency"] = rng.bytes(int(rng.integers(1, 300)))[:256]
    elif how == 3:
        options["transparency"] = int(rng.integers(0, 256))
    elif how == 4:
        grey = Image.fromarray(pixels.astype(np.uint16) * 257)
        options["transparency"] = int(rng.integers(0, 65536))
    else:
        grey = a_picture(rng)
        options["transparency"] = tuple(int(one) for one in rng.integers(0, 256, 3))
    target = io.BytesIO()
    grey.save(target, "PNG", **options)
    content = target.getvalue()
    if rng.integers(2):
        content = overwritten(content, rng, 8, len(content))
    return with_checksums(content) if rng.integers(2) else content


def a_zip(rng: Rng) -> bytes:
    """Any method, names of any bytes, flags, nested archives, prefixes, comments; then damage."""
    picture = io.BytesIO()
    a_picture(rng).save(picture, "PNG")
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for i in range(int(rng.integers(0, 4))):
            name = ("../" * int(rng.integers(3))) + "xxxxxx" + str(i)
            body = (picture.getvalue(), b"", b"text", target.getvalue()[:400], bytes(10**6))
            archive.writestr(name, body[rng.integers(5)], METHODS[rng.integers(4)])
        if rng.integers(4) == 0:
            with archive.open("large", "w", force_zip64=True) as file:
                file.write(picture.getvalue())
        archive.comment = rng.bytes(int(rng.integers(0, 30)))
    content = target.getvalue().replace(b"xxxxxx", rng.bytes(6))
    if rng.integers(2):
        places = [i for i in range(len(content)) if content.startswith((b"PK\1\2", b"PK\3\4"), i)]
        for place in places:
            content = overwritten(content, rng, place + 4, min(place + 50, len(content)))
    elif rng.integers(2):
        content = content[: int(rng.integers(4, len(content) + 1))]
    return content


def json_body(rng: Rng) -> bytes:
    """Shapes that are nearly the one that is read, numbers of every kind, depth, bad base64."""
    picture = io.BytesIO()
    a_picture(rng).save(picture, "PNG")
    text = base64.b64encode(picture.getvalue()).decode()
    values: list[Any] = [
        *(None, True, -1, 1e308, [], {}, "", "\ud800", text, text.rstrip("="), f"{text}\n"),
        *({"content": text}, {"content": [text]}, {"content": 5, "name": {}}, {"name": text}),
    ]
    picked = [values[i] for i in rng.integers(0, len(values), rng.integers(0, 5))]
    body = json.dumps({"images": picked} if rng.integers(4) else picked)
    how = rng.integers(0, 5)
    if how == 0:
        depth = int(rng.integers(1, DEEPEST))
        body = body.replace("[", '[{"a":' * depth, 1)
    elif how == 1:
        body = body.replace("-1", "9" * int(rng.integers(1, 6000))).replace("true", "NaN")
    elif how == 2:
        body = body.replace("{", '{"images": 5, "images": [], ', 1)
    encoded = body.encode(("utf-8", "utf-16", "latin-1")[rng.integers(3)], "replace")
    return overwritten(encoded, rng, 0, len(encoded)) if rng.integers(2) else encoded


def as_form(contents: list[bytes]) -> Request:
    """Files of a multipart form."""
    return {"data": {"file": [(io.BytesIO(one), "a") for one in contents]}}


#: What makes a file or a body, and how many are sent in one request.
MAKERS: dict[str, tuple[Callable[[Rng], bytes], int]] = {
    "side data": (side_data, 50),
    "transparent": (transparent, 50),
    "ZIP": (a_zip, 1),
    "JSON": (json_body, 1),
}


def request_of(kind: str, rng: Rng) -> tuple[Request, int]:
    """One request, and how many files it has."""
    make, count = MAKERS[kind]
    contents = [make(rng) or b"x" for _ in range(count)]
    if kind == "JSON":
        return {"data": contents[0], "content_type": "application/json"}, 1
    return as_form(contents), count
