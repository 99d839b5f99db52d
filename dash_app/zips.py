"""What is in a ZIP that somebody sent: its pictures, and for each that cannot be had the reason."""

from __future__ import annotations

import io
import lzma
import re
import unicodedata
import zipfile
import zlib
from contextlib import suppress
from dataclasses import dataclass
from pathlib import PurePosixPath

from model_zoo.errors import UserError

ZIP_START = b"PK\x03\x04"
EMPTY_ZIP = b"PK\x05\x06"
SPLIT_ZIP = b"PK\x07\x08"  # made to be split, and not split after all
LOCKED = 0x1  # flag of an entry: encrypted
UTF8 = 0x800  # flag of an entry: its name is UTF-8
UNICODE_PATH = 0x7075  # extra field with the name as UTF-8, by Info-ZIP
CODE_PAGE = "cp437"  # of names that say nothing of their code, by the ZIP specification
JAPANESE, WINDOWS = "cp932", "cp1252"  # what programs write instead
LETTERS = ("Ll", "Lu", "Lo", "Nd")  # categories of Unicode
KANA = re.compile("[\u3041-\u30ff]")
MIXED = re.compile("[A-Za-z][\u3041-\u9fff]|[\u3041-\u9fff][A-Za-z]")
READ = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
DAMAGED = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, OSError, EOFError, ValueError)


@dataclass(frozen=True)
class Entry:
    """``path`` in the archive, as its maker spelt it; ``content``, or why there is none."""

    path: str
    content: bytes = b""
    reason: str = ""
    too_large: bool = False


def is_zip(content: bytes) -> bool:
    return content.startswith((ZIP_START, EMPTY_ZIP, SPLIT_ZIP))


def open_zip(name: str, content: bytes) -> tuple[zipfile.ZipFile, list[zipfile.ZipInfo]]:
    """The archive and its files, but not folders nor what macOS and Windows put beside pictures.

    Raises:
        UserError: its directory cannot be read, or names no files.
    """
    try:
        opened = zipfile.ZipFile(io.BytesIO(content))
    except (*DAMAGED, NotImplementedError, RuntimeError):
        raise UserError(
            f"{name} is not a ZIP that can be read: it is cut off or damaged. Pack it again"
        ) from None
    entries = [one for one in opened.infolist() if _is_picture(one)]
    if not entries:
        raise UserError(f"{name} holds no files")
    return opened, entries


def unpack(
    opened: zipfile.ZipFile, entries: list[zipfile.ZipInfo], most_each: int, most: int
) -> list[Entry]:
    """Every file, or why it cannot be had; one that fails spoils no other.

    Args:
        most_each: bytes of one file when unpacked, whatever its header says.
        most: of all together; from there on nothing more is unpacked.
    """
    found, left = [], most
    for entry in entries:
        path = _path(entry)
        if left <= 0:
            found.append(Entry(path, reason="the ZIP unpacks to more than is read", too_large=True))
            continue
        one = _unpack(opened, entry, path, min(most_each, left))
        left -= len(one.content) or (most_each if one.too_large else 0)
        found.append(one)
    return found


def _unpack(opened: zipfile.ZipFile, entry: zipfile.ZipInfo, path: str, most: int) -> Entry:
    if entry.flag_bits & LOCKED:
        return Entry(path, reason="it is locked with a password: pack it without one")
    if entry.compress_type not in READ:
        return Entry(
            path,
            reason=f"it is packed by method {entry.compress_type} (Deflate64 is 9), which is not "
            "read: pack it with the usual one, Deflate",
        )
    try:
        with opened.open(entry) as file:
            content = file.read(most + 1)
    except DAMAGED:
        return Entry(path, reason="it is damaged in the ZIP: its checksum is another one")
    except (NotImplementedError, RuntimeError, MemoryError):
        return Entry(path, reason="it is packed in a way that is not read: pack it anew")
    if len(content) > most:
        return Entry(path, reason=f"it unpacks to more than {most:,} bytes", too_large=True)
    return Entry(path, content)


def _is_picture(entry: zipfile.ZipInfo) -> bool:
    name = PurePosixPath(entry.filename)
    hidden = name.name.startswith(".") or "__MACOSX" in name.parts
    is_folder = entry.filename.endswith("/")  # a name may be empty, and `is_dir` wants a sign
    return not (is_folder or hidden or name.name in ("Thumbs.db", "desktop.ini"))


def _path(entry: zipfile.ZipInfo) -> str:
    """The name as UTF-8 if its bytes are that, flagged or not; else in the archive's code page."""
    name = entry.filename
    if not entry.flag_bits & UTF8:
        raw = entry.orig_filename.encode(CODE_PAGE, "replace")
        name = _unicode_path(entry.extra, raw) or _decoded(raw)
    return unicodedata.normalize("NFC", name.replace("\\", "/"))


def _decoded(raw: bytes) -> str:
    """UTF-8, if it is that; else the code page in which the name reads as words.

    An archive does not say which one its maker's Windows had.
    """
    with suppress(UnicodeDecodeError):
        return raw.decode()
    western = raw.decode(CODE_PAGE)
    for other in (_or_nothing(raw, JAPANESE), _or_nothing(raw, WINDOWS)):
        if _is_words(other) and (KANA.search(other) or not _is_words(western)):
            return other
    return western


def _or_nothing(raw: bytes, code: str) -> str:
    with suppress(UnicodeDecodeError):
        return raw.decode(code)
    return ""


def _is_words(text: str) -> bool:
    """Whether it may be a name: other signs than letters are of another code page.

    Nor does a name mix Latin with Japanese letters in one word: those are two with accents.
    """
    known = all(c.isascii() or unicodedata.category(c) in LETTERS or c == "ー" for c in text)
    return bool(text) and known and not MIXED.search(text)


def _unicode_path(extra: bytes, raw: bytes) -> str:
    """The name that an extra field gives for these very bytes, or nothing."""
    while len(extra) >= 4:
        kind, size = int.from_bytes(extra[:2], "little"), int.from_bytes(extra[2:4], "little")
        field, extra = extra[4 : 4 + size], extra[4 + size :]
        if kind == UNICODE_PATH and int.from_bytes(field[1:5], "little") == zlib.crc32(raw):
            return field[5:].decode("utf-8", "ignore")
    return ""
