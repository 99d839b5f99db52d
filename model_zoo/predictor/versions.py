"""Versions on disk: fetched once, checked at every load, the oldest dropped."""

from __future__ import annotations

import logging
import os
import shutil
import time
from pathlib import Path

from model_zoo.errors import UserError
from model_zoo.files import fill_folder, read_json
from model_zoo.predictor.served_classifier import ServedClassifier
from model_zoo.registry.served_files import (
    FACTS,
    FACTS_TAG,
    FORMATS,
    MODEL,
    DamagedFile,
    damaged_in_registry,
    fetch_served_files,
    file_of,
    read_facts,
)
from model_zoo.registry.set_by_hand import misspelt
from model_zoo.registry.store import Store
from model_zoo.registry.versions import (
    Version,
    aliases_of,
    check_origin,
    find_alias,
    get_version,
)
from model_zoo.settings import Serving

log = logging.getLogger(__name__)

PARTIAL_SECONDS = 3600.0  # a download that old was killed


def load_classifier(
    store: Store, serving: Serving, cache_dir: Path, reference: str = "production"
) -> ServedClassifier:
    """Load a version by alias, by number, or from a file.

    Args:
        reference: an alias such as ``production``, a version number, or the path of an exported
            folder or of an ``.onnx`` file with its ``classifier.json`` beside it.

    Raises:
        UserError: there is no such version, or its files are damaged or cannot be run.
    """
    versions = VersionCache(store, serving, cache_dir)
    path = Path(reference).expanduser()
    if reference.isdigit():
        return versions.load(get_version(store, reference))
    if path.suffix == ".onnx" or path.name != reference:
        return _load_file(path, serving)
    found = find_alias(store, reference)
    if found is not None:
        return versions.load(found)
    if path.exists():
        return _load_file(path, serving)
    raise UserError(
        misspelt(aliases_of(store), reference)
        or f"no version carries the alias {reference!r}: name an alias or a number that "
        "`catwalk versions` lists, or the path of an ONNX file"
    )


def _load_file(path: Path, serving: Serving) -> ServedClassifier:
    file = path / MODEL if path.is_dir() else path
    if file.suffix != ".onnx":
        raise UserError(f"{file}: expected an .onnx file, which is what the predictor runs")
    return open_folder(file.parent, str(path), {}, serving, file=file.name)


def is_of(loaded: ServedClassifier, version: Version) -> bool:
    """Whether what is loaded is this very version.

    Numbers begin anew in a registered model that was deleted and made again, and in another
    MLflow: digests do not.
    """
    tags = (loaded.tags.get(FACTS_TAG), version.tags.get(FACTS_TAG))
    return loaded.version == version.version and tags[0] == tags[1]


def open_folder(
    folder: Path,
    version: str,
    tags: dict[str, str],
    serving: Serving,
    *,
    file: str | None = None,
    project: str | None = None,
) -> ServedClassifier:
    """A :class:`ServedClassifier` of the files in ``folder``, run as ``serving`` says.

    Args:
        file: by default that of the format that is served.
        project: that must have registered it; None: any.
    """
    loaded = ServedClassifier(
        folder,
        version,
        tags,
        file=file or FORMATS[serving.served_format],
        project=project,
        threads=serving.predictor_threads,
        providers=serving.execution_providers,
        batch=serving.predictor_batch,
    )
    if loaded.notice:
        log.warning("%s", loaded.notice)
    return loaded


class VersionCache:
    """The served files of a registered model's versions, one folder each."""

    def __init__(self, store: Store, serving: Serving, cache_dir: Path) -> None:
        self.store = store
        self.serving = serving
        self.folder = cache_dir / "versions" / store.model

    @property
    def note(self) -> Path:
        """Says which version was in production last; its files are never dropped."""
        return self.folder / "production.json"

    def load(self, version: Version) -> ServedClassifier:
        """Load a registered version; what is damaged in the cache is fetched again, once.

        Raises:
            UserError: another project registered it, its files are damaged in the registry
                itself, or they cannot be run.
        """
        check_origin(self.store, version)
        try:
            return self._open(self.fetch(version.version), version.version, version.tags)
        except DamagedFile as error:
            log.warning("%s", error)
        shutil.rmtree(self.folder_of(version.version), ignore_errors=True)
        try:
            return self._open(self.fetch(version.version), version.version, version.tags)
        except DamagedFile as error:
            if not self.folder_of(version.version).is_dir():
                raise  # it could not be fetched
            raise DamagedFile(damaged_in_registry(version.version)) from error

    def open(self, version: str, tags: dict[str, str]) -> ServedClassifier:
        """Load a version that was fetched before; MLflow is not asked.

        Raises:
            UserError: it is not on disk, or damaged.
        """
        return self._open(self.folder_of(version), version, tags)

    def _open(self, folder: Path, version: str, tags: dict[str, str]) -> ServedClassifier:
        return open_folder(folder, version, tags, self.serving, project=self.store.experiment)

    def folder_of(self, version: str) -> Path:
        """Where one version lies; its name tells which file is in it, if not the usual one."""
        served = self.serving.served_format
        return self.folder / (version if served == "onnx" else f"{version}.{served}")

    def fetch(self, version: str) -> Path:
        """The folder with the served files of a version, downloaded at the first call."""

        def download(partial: Path) -> None:
            fetch_served_files(self.store, version, partial, (FACTS,))
            name = file_of(self.serving.served_format, read_facts(partial), version)
            fetch_served_files(self.store, version, partial, (name,))

        folder = fill_folder(self.folder_of(version), download)
        os.utime(folder)  # the last one used is the last one dropped
        self._prune(keep=folder.name)
        return folder

    def _prune(self, keep: str) -> None:
        """Drop all but the versions used last and that in production, and what killed downloads
        left."""
        pinned = str(read_json(self.note).get("version")) if self.note.exists() else ""
        kept = {keep, self.folder_of(pinned).name}
        found = []
        for folder in self.folder.iterdir():
            try:
                age = time.time() - folder.stat().st_mtime
            except FileNotFoundError:  # another process dropped it first
                continue
            if folder.name.startswith(".partial-"):
                if age > PARTIAL_SECONDS:
                    shutil.rmtree(folder, ignore_errors=True)
            elif folder.is_dir() and folder.name not in kept:
                found.append((age, folder))
        for _, folder in sorted(found)[self.serving.cached_versions - 1 :]:
            shutil.rmtree(folder, ignore_errors=True)
