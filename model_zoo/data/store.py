"""Datasets as they were found, kept by their digest: after this nothing knows the source's files.

One folder a snapshot in the cache: ``dataset.json`` and four NumPy files, which are mapped, not
read. It is whole or absent, and never changes.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np

from model_zoo.data.dataset import Dataset, Images, digest
from model_zoo.data.source import Found
from model_zoo.errors import UserError
from model_zoo.files import fill_folder, read_json, write_json

DESCRIPTION = "dataset.json"
PARTS = ("training", "test")
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
        for name, part in zip(PARTS, (found.training, found.test), strict=True):
            np.save(partial / f"{name}.images.npy", part.images, allow_pickle=False)
            np.save(partial / f"{name}.labels.npy", part.labels, allow_pickle=False)
        write_json(partial / DESCRIPTION, dataset.as_dict())

    fill_folder(datasets_dir / snapshot, fill)
    return dataset


def snapshot_of(found: Found) -> str:
    """SHA-256 (16 hex digits) over images, labels and what the description says of them.

    Of the description too: a class that is renamed, or another preparation, makes another dataset
    of the same pixels.
    """
    about = {k: v for k, v in found.dataset.as_dict().items() if k not in CIRCUMSTANCES}
    content = digest(found.training, found.test) + json.dumps(about, sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()[:16]


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


def load(datasets_dir: Path, snapshot: str, part: str) -> Images:
    """The images of one of :data:`PARTS`, mapped from disk.

    Raises:
        UserError: the dataset is not there.
    """
    describe(datasets_dir, snapshot)
    folder = datasets_dir / snapshot
    images = np.load(folder / f"{part}.images.npy", mmap_mode="r", allow_pickle=False)
    return Images(images, np.load(folder / f"{part}.labels.npy", allow_pickle=False))
