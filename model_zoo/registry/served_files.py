"""The files of a version: their names, and the digests by which a damaged one is known.

``classifier.json`` carries labels, shape, temperature, examples, the report on every format and
the digest of every file beside it; its own digest is a tag of the registered version.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from model_zoo.errors import UserError

MODEL = "model.onnx"
FACTS = "classifier.json"
KERAS = "model.keras"
FORMATS = {
    "onnx": MODEL,
    "onnx-int8": "model.int8.onnx",
    "litert-float32": "model.float32.tflite",
    "litert-float16": "model.float16.tflite",
    "litert-int8": "model.int8.tflite",
    "keras": KERAS,
}
FACTS_TAG = "classifier_sha256"


class DamagedFile(UserError):
    """A file is not, byte for byte, the one that was registered."""


def sha256(path: Path) -> str:
    """The SHA-256 of a file, 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_facts(folder: Path, expected: str | None = None) -> dict[str, Any]:
    """``classifier.json`` of a version.

    Args:
        expected: its SHA-256 as the registry knows it; None for a version from before digests.

    Raises:
        UserError: it is missing, damaged, or no description of a classifier.
    """
    path = folder / FACTS
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UserError(
            f"{path} cannot be read ({error.strerror}): a model needs it beside it, fetch the "
            "version again with `catwalk export`"
        ) from None
    if expected and hashlib.sha256(content).hexdigest() != expected:
        raise DamagedFile(_damaged(path))
    try:
        facts: dict[str, Any] = json.loads(content)
        missing = {"labels", "image_shape"} - facts.keys()
    except (ValueError, AttributeError):
        raise DamagedFile(_damaged(path)) from None
    if missing:
        raise UserError(f"{path} does not describe a classifier: it lacks {', '.join(missing)}")
    return facts


def check_file(path: Path, facts: dict[str, Any]) -> None:
    """Compare a file with the digest that ``facts`` hold; versions from before had none.

    Raises:
        UserError: the file is missing, damaged or another one.
    """
    if not path.is_file():
        raise UserError(f"{path} does not exist: expected the {path.name} of a version")
    digests = facts.get("sha256")
    if digests is None:
        return
    if path.name not in digests:
        raise UserError(
            f"{path.name} is not among the files of this version: {', '.join(sorted(digests))}"
        )
    if sha256(path) != digests[path.name]:
        raise DamagedFile(_damaged(path))


def _damaged(path: Path) -> str:
    return (
        f"{path} is damaged or was swapped: its SHA-256 is not that of the registered version. "
        "Delete its folder and fetch the version again"
    )


def file_of(name: str, facts: dict[str, Any], version: str) -> str:
    """The file name of a format that a version has.

    Raises:
        UserError: the version does not have it; says why and which it has.
    """
    if name not in FORMATS:
        raise UserError(f"unknown format {name!r}: choose one of {', '.join(FORMATS)}")
    rows = {row["format"]: row for row in facts.get("formats", [])}
    if not rows:  # from before there were several
        rows = {old: {"attached": True} for old in ("onnx", "keras")}
    if rows.get(name, {}).get("attached"):
        return FORMATS[name]
    reason = rows.get(name, {}).get("reason") or "it was registered without"
    has = ", ".join(one for one, row in rows.items() if row["attached"])
    raise UserError(f"version {version} has no file in the format {name} ({reason}); it has {has}")
