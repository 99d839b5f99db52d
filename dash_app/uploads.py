"""What people send, as bytes, with every limit checked before anything is decoded.

One bad part spoils no other: it becomes a :class:`Refusal` in its place.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import unquote

from werkzeug.datastructures import FileStorage

from dash_app.settings import PageSettings
from dash_app.zips import is_zip, open_zip, unpack
from model_zoo.errors import UserError

MIB = 2**20
#: A drop arrives as base64 inside JSON, a third larger. What is far over the limit is refused
#: before it is read; what is a little over gets a sentence.
ROOM_FOR_BASE64 = 4
NAME_LENGTH = 120
NAMELESS = "image"
JSON_SHAPE = 'expected JSON as {"images": [{"name": "a.png", "content": "<base64>"}]}'
BLANK = re.compile("[\\s\u200b\ufeff]+")
URL_SAFE = str.maketrans("-_", "+/")


class TooLarge(UserError):
    """More bytes or more images than the settings allow."""


@dataclass(frozen=True)
class Upload:
    """A file that somebody sent; ``name`` is theirs and only ever shown, never opened."""

    name: str
    content: bytes


@dataclass(frozen=True)
class Refusal:
    """A file that could not be answered, and why in a sentence."""

    name: str
    reason: str
    too_large: bool = False

    def as_dict(self) -> dict[str, Any]:
        return {"name": self.name, "error": self.reason}


Sent = Upload | Refusal


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
    return _printable((name or "").replace("\\", "/").rpartition("/")[2])[:NAME_LENGTH] or NAMELESS


def shown_names(paths: Sequence[str]) -> list[str]:
    """How several are told apart: by their names, and those of one name by their paths."""
    names = [shown_name(path) for path in paths]
    often = Counter(names)
    return [
        name if often[name] == 1 else _shown_path(path)
        for name, path in zip(names, paths, strict=True)
    ]


def _shown_path(path: str) -> str:
    parts = [_printable(one) for one in path.replace("\\", "/").split("/")]
    return "/".join(one for one in parts if one not in ("", ".", ".."))[-NAME_LENGTH:] or NAMELESS


def _printable(text: str) -> str:
    return "".join(c for c in text if c.isprintable()).strip()


def from_data_url(contents: str, name: str | None, page: PageSettings) -> Upload:
    """A file as the browser's upload gives it: ``data:image/png;base64,...``, or plain base64.

    Line breaks, missing padding, the URL-safe alphabet and, in a URL, escaped signs are all base64
    (RFC 2045, RFC 4648, RFC 2397).

    Raises:
        UserError: not base64, empty, or too large.
    """
    start = contents[:5].lower()
    encoded = unquote(contents.partition(",")[2]) if start == "data:" else contents
    encoded = BLANK.sub("", encoded).translate(URL_SAFE).rstrip("=")
    try:
        content = base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise UserError(f"{shown_name(name)} arrived damaged: it is not base64") from None
    return upload(name, content, page)


def from_form(files: list[FileStorage], page: PageSettings) -> list[Sent]:
    """The files of a multipart form.

    Raises:
        TooLarge: more than ``max_images``.
    """
    _check_count(len(files), page)
    found = [_or_refusal(one.filename, one.read(), page) for one in files]
    return _told_apart(found, [one.filename or "" for one in files])


def from_json(body: Any, page: PageSettings) -> list[Sent]:
    """``{"images": [{"name": "a.png", "content": "<base64>"}, ...]}``.

    Raises:
        UserError: another shape; says which is expected.
        TooLarge: more than ``max_images``.
    """
    images = body.get("images") if isinstance(body, dict) else None
    if not isinstance(images, list):
        raise UserError(JSON_SHAPE)
    _check_count(len(images), page)
    found: list[Sent] = []
    names = []
    for one in images:
        name = one.get("name") if isinstance(one, dict) else None
        names.append(name if isinstance(name, str) else "")
        if not isinstance(one, dict) or not isinstance(one.get("content"), str):
            found.append(Refusal(shown_name(names[-1]), JSON_SHAPE))
        else:
            found.append(from_browser(one["content"], names[-1], page))
    return _told_apart(found, names)


def from_browser(contents: str, name: str | None, page: PageSettings) -> Sent:
    """As :func:`from_data_url`, with a refusal for what cannot be read."""
    try:
        return from_data_url(contents, name, page)
    except UserError as error:
        return Refusal(shown_name(name), str(error), isinstance(error, TooLarge))


def unpacked(sent: Sequence[Sent], page: PageSettings) -> list[Sent]:
    """The same files, with the images inside a ZIP in its place, each or why it cannot be had.

    Raises:
        TooLarge: together more images than ``max_images``.
    """
    found: list[Sent] = []
    for one in sent:
        if isinstance(one, Upload) and is_zip(one.content):
            found += _entries(one, page)
        else:
            found.append(one)
        _check_count(len(found), page)
    return found


def _entries(archive: Upload, page: PageSettings) -> list[Sent]:
    try:
        opened, entries = open_zip(archive.name, archive.content)
    except UserError as error:
        return [Refusal(archive.name, str(error))]
    _check_count(len(entries), page)
    limit = int(page.max_upload_mb * MIB)
    with opened:
        files = unpack(opened, entries, limit, limit * ROOM_FOR_BASE64)
    found: list[Sent] = []
    for one, name in zip(files, shown_names([one.path for one in files]), strict=True):
        if one.content:
            found.append(Upload(name, one.content))
        else:
            found.append(Refusal(name, one.reason or f"{name} is empty", one.too_large))
    return found


def _or_refusal(name: str | None, content: bytes, page: PageSettings) -> Sent:
    try:
        return upload(name, content, page)
    except UserError as error:
        return Refusal(shown_name(name), str(error), isinstance(error, TooLarge))


def _told_apart(found: list[Sent], paths: list[str]) -> list[Sent]:
    return [replace(one, name=name) for one, name in zip(found, shown_names(paths), strict=True)]


def _check_count(count: int, page: PageSettings) -> None:
    if count > page.max_images:
        raise TooLarge(
            f"{count:,} images at once; at most {page.max_images:,} are read. Send fewer"
        )
