"""Versions on disk: fetched once, checked at every load, the oldest dropped."""

from __future__ import annotations

import logging
import os
import shutil
import time
from pathlib import Path

from model_zoo.config import Settings
from model_zoo.errors import UserError
from model_zoo.files import fill_folder
from model_zoo.predictor.served_classifier import Classifier
from model_zoo.registry import versions as registry
from model_zoo.registry.served_files import (
    FACTS,
    FORMATS,
    MODEL,
    DamagedFile,
    file_of,
    read_facts,
)
from model_zoo.registry.versions import Version

log = logging.getLogger(__name__)

PARTIAL_SECONDS = 3600.0  # a download that old was killed


def cache_folder(settings: Settings) -> Path:
    """Where the versions of the registered model lie, one folder each."""
    return settings.cache_dir / "versions" / settings.model_name


def version_folder(settings: Settings, version: str) -> Path:
    """Where one version lies; its name tells which file is in it, if not the usual one."""
    kind = "" if settings.served_format == "onnx" else f".{settings.served_format}"
    return cache_folder(settings) / f"{version}{kind}"


def load_classifier(settings: Settings, reference: str = "production") -> Classifier:
    """Load a version by alias, by number, or from a file.

    Args:
        reference: an alias such as ``production``, a version number, or the path of an exported
            folder or of an ``.onnx`` file with its ``classifier.json`` beside it.

    Raises:
        UserError: there is no such version, or its files are damaged or cannot be run.
    """
    path = Path(reference).expanduser()
    if reference.isdigit():
        return load_version(settings, registry.get_version(settings, reference))
    if path.suffix == ".onnx" or path.name != reference:
        return _load_file(settings, path)
    found = registry.find_alias(settings, reference)
    if found is not None:
        return load_version(settings, found)
    if path.exists():
        return _load_file(settings, path)
    raise UserError(
        f"no version carries the alias {reference!r}: name an alias or a number that "
        "`catwalk versions` lists, or the path of an ONNX file"
    )


def _load_file(settings: Settings, path: Path) -> Classifier:
    file = path / MODEL if path.is_dir() else path
    if file.suffix != ".onnx":
        raise UserError(f"{file}: expected an .onnx file, which is what the predictor runs")
    return open_folder(settings, file.parent, str(path), {}, file.name)


def load_version(settings: Settings, version: Version) -> Classifier:
    """Load a registered version; what is damaged in the cache is fetched again, once.

    Raises:
        UserError: its files are damaged in the registry itself, or cannot be run.
    """
    folder = fetch(settings, version.version)
    try:
        return open_folder(settings, folder, version.version, version.tags)
    except DamagedFile as error:
        log.warning("%s", error)
    shutil.rmtree(folder, ignore_errors=True)
    return open_folder(settings, fetch(settings, version.version), version.version, version.tags)


def open_folder(
    settings: Settings, folder: Path, version: str, tags: dict[str, str], file: str | None = None
) -> Classifier:
    """A :class:`Classifier` of the files in ``folder``, run as the settings say.

    Args:
        file: by default that of the format that is served.
    """
    loaded = Classifier(
        folder,
        version,
        tags,
        settings.predictor_threads,
        file=file or FORMATS[settings.served_format],
        providers=settings.execution_providers,
        batch=settings.predictor_batch,
    )
    if loaded.notice:
        log.warning("%s", loaded.notice)
    return loaded


def fetch(settings: Settings, version: str) -> Path:
    """The folder with the served files of a version, downloaded at the first call."""

    def download(partial: Path) -> None:
        registry.fetch_served_files(settings, version, partial, (FACTS,))
        name = file_of(settings.served_format, read_facts(partial), version)
        registry.fetch_served_files(settings, version, partial, (name,))

    folder = fill_folder(version_folder(settings, version), download)
    os.utime(folder)  # the last one used is the last one dropped
    _prune(settings, keep=folder.name)
    return folder


def _prune(settings: Settings, keep: str) -> None:
    """Drop all but the versions used last, and what killed downloads left."""
    found = []
    for folder in cache_folder(settings).iterdir():
        try:
            age = time.time() - folder.stat().st_mtime
        except FileNotFoundError:  # another process dropped it first
            continue
        if folder.name.startswith(".partial-"):
            if age > PARTIAL_SECONDS:
                shutil.rmtree(folder, ignore_errors=True)
        elif folder.is_dir() and folder.name != keep:
            found.append((age, folder))
    for _, folder in sorted(found)[settings.cached_versions - 1 :]:
        shutil.rmtree(folder, ignore_errors=True)
