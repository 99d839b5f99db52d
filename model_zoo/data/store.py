"""Datasets as they were found, kept by their digest: after this nothing knows the source's files.

One folder a snapshot in the cache: ``dataset.json``, the shards that hold the pixels, and for each
part the rows of its images and their labels. It is whole or absent, and never changes. Shards of
the pixel store are not copied but linked: many snapshots of images that keep arriving take the room
of one.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np

from model_zoo.data.dataset import Dataset, Images, digest
from model_zoo.data.pixels import StoredPixels
from model_zoo.data.source import Found
from model_zoo.errors import UserError
from model_zoo.files import fill_folder, read_json, write_json

DESCRIPTION = "dataset.json"
SHARDS = "shards"
PARTS = ("training", "test")  # that every dataset has; a source may give validation images too
#: Fields of a description that say how the images came here, not what they are.
CIRCUMSTANCES = ("origin", "licence", "snapshot")


def keep(found: Found, datasets_dir: Path) -> Dataset:
    """Write what a source found, unless it lies there; returns the dataset with its snapshot.

    Raises:
        UserError: no room.
    """
    snapshot = snapshot_of(found)
    dataset = replace(found.dataset, snapshot=snapshot)

    def fill(partial: Path) -> None:
        shards = _Shards(partial / SHARDS)
        for name, part in found.parts.items():
            np.save(partial / f"{name}.rows.npy", shards.rows_of(part.images), allow_pickle=False)
            np.save(partial / f"{name}.labels.npy", part.labels, allow_pickle=False)
        write_json(partial / DESCRIPTION, dataset.as_dict())

    fill_folder(datasets_dir / snapshot, fill)
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


def snapshot_of(found: Found) -> str:
    """SHA-256 (16 hex digits) over images, labels and what the description says of them.

    Of the description too: a class that is renamed, or another preparation, makes another dataset
    of the same pixels.
    """
    about = {k: v for k, v in found.dataset.as_dict().items() if k not in CIRCUMSTANCES}
    content = found.content or digest(*found.parts.values())
    return hashlib.sha256((content + json.dumps(about, sort_keys=True)).encode()).hexdigest()[:16]


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
        return Images(StoredPixels(shards, rows, snapshot), labels)
    except (ValueError, EOFError) as error:  # NumPy's, for a file with fewer bytes than it says
        raise UserError(
            f"dataset {snapshot} is damaged ({error}): delete {folder}, then run the step `ingest` "
            "of this run again"
        ) from error
