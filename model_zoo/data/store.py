"""Datasets as they were found, kept by their digest: after this nothing knows the source's files.

One folder a snapshot in the cache: ``dataset.json``, the shards that hold the pixels, and for each
part the rows of its images and their labels. It is whole or absent, and never changes. Shards of
the pixel store are not copied but linked: many snapshots of images that keep arriving take the room
of one.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np

from model_zoo.data.dataset import Dataset, Images
from model_zoo.data.manifest import manifest_of
from model_zoo.data.pixel_store import looks_of
from model_zoo.data.pixels import StoredPixels
from model_zoo.data.source import Found
from model_zoo.errors import UserError
from model_zoo.files import fill_folder, read_json, write_json

DESCRIPTION = "dataset.json"
SHARDS = "shards"
PARTS = ("training", "test")  # that every dataset has; a source may give validation images too


def keep(found: Found, datasets_dir: Path, dataset: Dataset | None = None) -> Dataset:
    """Write what a source found, unless it lies there; returns the dataset with its snapshot.

    Args:
        dataset: the description with its snapshot, where somebody has made its manifest.

    Raises:
        UserError: no room.
    """
    dataset = dataset or manifest_of(found, {}, 0).dataset

    def fill(partial: Path) -> None:
        shards = _Shards(partial / SHARDS)
        for name, part in found.parts.items():
            np.save(partial / f"{name}.rows.npy", shards.rows_of(part.images), allow_pickle=False)
            np.save(partial / f"{name}.labels.npy", part.labels, allow_pickle=False)
            np.save(partial / f"{name}.looks.npy", looks_of(part.images), allow_pickle=False)
        write_json(partial / DESCRIPTION, dataset.as_dict())

    fill_folder(datasets_dir / dataset.snapshot, fill)
    return dataset


class _Shards:
    """The shards of a snapshot, as they come to lie in its folder one after the other."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.folder = folder
        self.starts: dict[Path, int] = {}  # of shards that are linked here
        self.count = self.images = 0

    def rows_of(self, images: np.ndarray | StoredPixels) -> np.ndarray:
        """Places of these images in this folder, int64 (N,), after bringing them here."""
        if isinstance(images, np.ndarray):
            np.save(self._next(), images, allow_pickle=False)
            self.images += len(images)
            return np.arange(self.images - len(images), self.images)
        rows = np.empty(len(images), np.int64)
        for shard, here, inside in images.by_shard():
            if shard not in self.starts:
                self.starts[shard] = self.images
                self.images += len(np.load(shard, mmap_mode="r"))
                _link(shard, self._next())
            rows[here] = self.starts[shard] + inside
        return rows

    def _next(self) -> Path:
        self.count += 1
        return self.folder / f"{self.count - 1:05d}.npy"


def _link(shard: Path, path: Path) -> None:
    try:
        os.link(shard, path)
    except OSError:  # another file system, or one without links
        shutil.copyfile(shard, path)


def describe(datasets_dir: Path, snapshot: str) -> Dataset:
    """The description of a kept dataset.

    Raises:
        UserError: it is not there.
    """
    path = datasets_dir / snapshot / DESCRIPTION
    if not path.is_file():
        raise UserError(
            f"dataset {snapshot} is not in {datasets_dir}: run the step `ingest` of this run again"
        )
    return Dataset.from_dict(read_json(path))


def has_part(datasets_dir: Path, snapshot: str, part: str) -> bool:
    """Whether the source had such a part: ``training``, ``test`` or ``validation``."""
    return (datasets_dir / snapshot / f"{part}.rows.npy").is_file()


def load(datasets_dir: Path, snapshot: str, part: str) -> Images:
    """The images of one part, read from disk when they are indexed.

    Raises:
        UserError: the dataset is not there, or was cut short.
    """
    describe(datasets_dir, snapshot)
    folder = datasets_dir / snapshot
    shards = sorted((folder / SHARDS).glob("*.npy"))
    try:
        rows = np.load(folder / f"{part}.rows.npy", allow_pickle=False)
        labels = np.load(folder / f"{part}.labels.npy", allow_pickle=False)
        looks = np.load(folder / f"{part}.looks.npy", allow_pickle=False)
        return Images(StoredPixels(shards, rows, snapshot, looks), labels)
    except (ValueError, EOFError) as error:  # NumPy's, for a file with fewer bytes than it says
        raise UserError(
            f"dataset {snapshot} is damaged ({error}): delete {folder}, then run the step `ingest` "
            "of this run again"
        ) from error
