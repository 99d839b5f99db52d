"""The files of a version: their names, and the digests by which a damaged one is known.

``classifier.json`` says what a version takes and gives: labels, image shape, preparation steps,
temperature, examples, the report on every format and the digest of every file beside it; its own
digest is a tag of the registered version.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from model_zoo.errors import UserError
from model_zoo.failures import sentence, whose
from model_zoo.files import NO_ROOM
from model_zoo.registry import database
from model_zoo.registry.client import answered_by, usable
from model_zoo.registry.format_report import LEFT_OUT
from model_zoo.registry.store import Store

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
SERVED_SUFFIXES = (".onnx", ".tflite", ".keras", ".json")
#: What ``classifier.json`` must say for a version to be served.
NEEDED = (
    "project",
    "labels",
    "image_shape",
    "preparation",
    "statistics",
    "generated",
    "temperature",
    "formats",
    "sha256",
    "examples",
)


class DamagedFile(UserError):
    """A file is not, byte for byte, the one that was registered."""


class MissingFile(DamagedFile):
    """The registry does not have a file of a version any more."""


def sha256(path: Path) -> str:
    """The SHA-256 of a file, 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_facts(
    folder: Path, expected: str | None = None, project: str | None = None
) -> dict[str, Any]:
    """``classifier.json`` of a version.

    Args:
        expected: its SHA-256 as the registry knows it; None for files that somebody has at hand.
        project: that must have registered it; None: any.

    Raises:
        UserError: it is missing, damaged, of another layout, or another project's.
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
        facts: dict[str, Any] = dict(json.loads(content))
    except (ValueError, TypeError):
        raise DamagedFile(_damaged(path)) from None
    missing = [name for name in NEEDED if name not in facts]
    if missing:
        raise UserError(
            f"{path} describes no classifier of this layout, it lacks {', '.join(missing)}: "
            "register a version with a new run"
        )
    shape = facts["image_shape"]
    if not isinstance(shape, list) or len(shape) != 3:
        raise UserError(
            f"{path} is of another layout: expected an image_shape (height, width, channels). "
            f"Received: {shape}"
        )
    if project is not None and facts["project"] != project:
        raise UserError(
            f"{path} belongs to the project {facts['project']!r}, not to {project!r}: choose one "
            "of `catwalk versions`"
        )
    return facts


def check_file(path: Path, facts: dict[str, Any]) -> None:
    """Compare a file with the digest that ``facts`` hold.

    Raises:
        UserError: the file is missing, damaged or another one.
    """
    if not path.is_file():
        raise UserError(f"{path} does not exist: expected the {path.name} of a version")
    digests = facts["sha256"]
    if path.name not in digests:
        raise UserError(
            f"{path.name} is not among the files of this version: {', '.join(sorted(digests))}"
        )
    if sha256(path) != digests[path.name]:
        raise DamagedFile(_damaged(path))


def _damaged(path: Path) -> str:
    return (
        f"{path} is damaged or was swapped: its SHA-256 is not that of the registered version. "
        "Fetch the version again, or choose another one"
    )


def damaged_in_registry(version: str) -> str:
    """The sentence for a version whose files cannot be fetched whole, as often as one tries."""
    return (
        f"version {version} is damaged in the registry: its files are not those of its tag "
        f"{FACTS_TAG}, one of the two was changed. Choose another of `catwalk versions`"
    )


def is_left_out(name: str, facts: dict[str, Any]) -> bool:
    """Whether the version lacks the format because nobody asked for it, and not because it failed.

    Args:
        facts: the version's ``classifier.json``.
    """
    return any(row["format"] == name and row["reason"] == LEFT_OUT for row in facts["formats"])


def file_of(name: str, facts: dict[str, Any], version: str) -> str:
    """The file name of a format that a version has.

    Raises:
        UserError: the version does not have it; says why and which it has.
    """
    if name not in FORMATS:
        raise UserError(f"unknown format {name!r}: choose one of {', '.join(FORMATS)}")
    rows = {row["format"]: row for row in facts["formats"]}
    if rows.get(name, {}).get("attached"):
        return FORMATS[name]
    reason = rows.get(name, {}).get("reason") or "it was registered without"
    has = ", ".join(one for one, row in rows.items() if row["attached"])
    raise UserError(f"version {version} has no file in the format {name} ({reason}); it has {has}")


def fetch_served_files(
    store: Store, version: str, folder: Path, names: tuple[str, ...] = (FACTS, MODEL)
) -> None:
    """Put files of a version into ``folder``, by default those that are served.

    Raises:
        MissingFile: the registry does not have one of them any more.
        UserError: they lie where nobody here can read, as somebody registered them by hand.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lies = folder_in_home(store, version)
    if lies is not None:
        for name in names:
            try:
                shutil.copyfile(lies / name, folder / name)
            except FileNotFoundError:
                raise MissingFile(gone(name, version)) from None
        return
    import mlflow
    from mlflow.exceptions import MlflowException

    with answered_by(store) as client:
        # Not `models:/...`: MLflow resolves that by its process-wide URI.
        location = client.get_model_version_download_uri(store.model, version)
        for name in names:
            try:
                mlflow.artifacts.download_artifacts(
                    artifact_uri=f"{location}/{name}", dst_path=str(folder), tracking_uri=store.uri
                )
            except (OSError, MlflowException) as error:
                if _is_away(error) or getattr(error, "errno", None) in NO_ROOM:
                    raise
                raise MissingFile(gone(name, version)) from error
            except Exception as error:  # of the client of whatever storage the version names
                if whose(error) is None:
                    raise
                raise UserError(
                    f"the files of version {version} lie at {location}, which cannot be read "
                    f"({sentence(error)}): choose another of `catwalk versions`"
                ) from error


def folder_in_home(store: Store, version: str) -> Path | None:
    """Where the files of a version lie, if that is on this disk and MLflow need not be asked."""
    if store.server:
        return None
    with usable(store):
        database.relocate(store.home)
        rows = database.read_versions(store.home, store.model)
    location = next((one.location for one in rows if one.version == version), "")
    if not location.startswith("file:///"):
        return None
    return Path(unquote(urlsplit(location).path))


def gone(name: str, version: str) -> str:
    """The sentence for a file that the registry does not have any more."""
    return (
        f"{name} of version {version} is gone from the registry: register the model with a new "
        "run, or choose another version"
    )


def _is_away(error: Exception) -> bool:
    """Whether it is MLflow that does not answer, not the file that is gone."""
    import requests

    cause = error.__cause__
    if isinstance(error, requests.HTTPError):
        return error.response is None or error.response.status_code != 404
    return isinstance(error, requests.RequestException) or isinstance(
        cause, requests.ConnectionError | requests.Timeout
    )


def list_served_files(store: Store, version: str) -> list[tuple[str, int]]:
    """The files of a version, as (path, bytes), without MLflow's own notes."""
    import mlflow

    with answered_by(store) as client:
        location = client.get_model_version_download_uri(store.model, version)
        found = mlflow.artifacts.list_artifacts(artifact_uri=location, tracking_uri=store.uri)
    return sorted(
        (Path(one.path).name, int(one.file_size or 0))
        for one in found
        if not one.is_dir and Path(one.path).suffix in SERVED_SUFFIXES
    )
