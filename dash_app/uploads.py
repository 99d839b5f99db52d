"""What people send, as bytes, with every limit checked before anything is decoded."""

from __future__ import annotations

import base64
import binascii
import io
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from werkzeug.datastructures import FileStorage

from dash_app.settings import PageSettings
from model_zoo.errors import UserError

MIB = 2**20
#: A drop arrives as base64 inside JSON, a third larger. What is far over the limit is refused
#: before it is read; what is a little over gets a sentence.
ROOM_FOR_BASE64 = 4
NAME_LENGTH = 120
ZIP_START = b"PK\x03\x04"


class TooLarge(UserError):
    """More bytes or more images than the settings allow."""


@dataclass(frozen=True)
class Upload:
    """A file that somebody sent; ``name`` is theirs and only ever shown, never opened."""

    name: str
    content: bytes


def upload(name: str | None, content: bytes, page: PageSettings) -> Upload:
    """Check one file's size.

    Raises:
        TooLarge: more than ``max_upload_mb``.
        UserError: nothing in it.
    """
    shown = shown_name(name)
    if len(content) > page.max_upload_mb * MIB:
        raise TooLarge(
            f"{shown} has {len(content) / MIB:.1f} MiB; at most {page.max_upload_mb:g} are "
            "read. Send a smaller one"
        )
    if not content:
        raise UserError(f"{shown} is empty: send an image file")
    return Upload(shown, content)


def shown_name(name: str | None) -> str:
    """The last part of a file's name, printable, at most 120 characters."""
    last = (name or "").replace("\\", "/").rpartition("/")[2]
    printable = "".join(c for c in last if c.isprintable()).strip()
    return printable[:NAME_LENGTH] or "image"


def from_data_url(contents: str, name: str | None, page: PageSettings) -> Upload:
    """A file as the browser's upload gives it: ``data:image/png;base64,...``, or plain base64.

    Raises:
        UserError: not base64, empty, or too large.
    """
    encoded = contents.partition(",")[2] if contents.startswith("data:") else contents
    try:
        content = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raise UserError(f"{shown_name(name)} arrived damaged: it is not base64") from None
    return upload(name, content, page)


def from_form(files: list[FileStorage], page: PageSettings) -> list[Upload]:
    """The files of a multipart form."""
    _check_count(len(files), page)
    return [upload(one.filename, one.read(), page) for one in files]


def from_json(body: Any, page: PageSettings) -> list[Upload]:
    """``{"images": [{"name": "a.png", "content": "<base64>"}, ...]}``.

    Raises:
        UserError: another shape; says which is expected.
    """
    images = body.get("images") if isinstance(body, dict) else None
    if not isinstance(images, list) or not all(
        isinstance(one, dict) and isinstance(one.get("content"), str) for one in images
    ):
        raise UserError('expected JSON as {"images": [{"name": "a.png", "content": "<base64>"}]}')
    _check_count(len(images), page)
    return [from_data_url(one["content"], str(one.get("name") or "image"), page) for one in images]


def unpacked(uploads: list[Upload], page: PageSettings) -> list[Upload]:
    """The same files, with the images inside a ZIP in its place.

    Raises:
        TooLarge: together more images than ``max_images``, or an entry that is too large when
            unpacked, whatever its header says.
        UserError: a damaged or encrypted ZIP.
    """
    found: list[Upload] = []
    for one in uploads:
        found += _entries(one, page) if one.content.startswith(ZIP_START) else [one]
        _check_count(len(found), page)
    return found


def _entries(archive: Upload, page: PageSettings) -> list[Upload]:
    limit = int(page.max_upload_mb * MIB)
    left = limit * ROOM_FOR_BASE64  # unpacked, all together
    found: list[Upload] = []
    try:
        with zipfile.ZipFile(io.BytesIO(archive.content)) as opened:
            entries = [one for one in opened.infolist() if _is_picture(one)]
            _check_count(len(entries), page)
            for entry in entries:
                with opened.open(entry) as file:
                    content = file.read(min(limit, left) + 1)
                left -= len(content)
                if len(content) > limit or left < 0:
                    raise TooLarge(
                        f"{archive.name} unpacks to more than is read: at most "
                        f"{page.max_upload_mb:g} MiB an image, "
                        f"{page.max_upload_mb * ROOM_FOR_BASE64:g} in all"
                    )
                found.append(Upload(shown_name(entry.filename), content))
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, OSError,
            EOFError, ValueError):  # fmt: skip
        raise UserError(
            f"{archive.name} is not a ZIP that can be read: send one without a password"
        ) from None
    if not found:
        raise UserError(f"{archive.name} holds no files")
    return found


def _is_picture(entry: zipfile.ZipInfo) -> bool:
    """Not a folder, nor what macOS and Windows put beside the pictures."""
    name = PurePosixPath(entry.filename)
    hidden = name.name.startswith(".") or "__MACOSX" in name.parts
    return not (entry.is_dir() or hidden or name.name in ("Thumbs.db", "desktop.ini"))


def _check_count(count: int, page: PageSettings) -> None:
    if count > page.max_images:
        raise TooLarge(
            f"{count:,} images at once; at most {page.max_images:,} are read. Send fewer"
        )
