"""The source: list the files, read what is new, divide."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

import numpy as np

from model_zoo.data.dataset import Dataset, Images
from model_zoo.data.forgotten import forgotten
from model_zoo.data.image_folder.decoding import Wanted
from model_zoo.data.image_folder.division import Divided, Near, divide
from model_zoo.data.image_folder.file_index import Known, open_index
from model_zoo.data.image_folder.layouts import TEST, TRAINING, VALIDATION, Arranged, arrange
from model_zoo.data.image_folder.reading import index_path, read_files
from model_zoo.data.near_duplicates import near_pairs
from model_zoo.data.pixel_store import DIGEST, PixelStore, store_folder
from model_zoo.data.seen import Seen, read_seen
from model_zoo.data.source import (
    Found,
    ImageFiles,
    LeftOut,
    Say,
    register_listing,
    register_source,
)
from model_zoo.errors import UserError
from model_zoo.locks import locked
from model_zoo.settings import DataSettings, Places

NAME = "image-folder"
CROPPED = ("upright", "flatten", "resize", "centre-crop")
WHOLE = ("upright", "flatten", "whole-on-white")
STATISTICS = ("brightness", "contrast", "roughness")
NAMED = 3


@dataclass(frozen=True)
class Looked:
    """All that is known of the images of a project.

    Attributes:
        known: what is in each file, by path.
    """

    arranged: Arranged
    known: Mapping[str, Known]
    divided: Divided
    store: PixelStore

    @property
    def left_out(self) -> tuple[LeftOut, ...]:
        return (*self.arranged.left_out, *self.divided.left_out)

    @property
    def broken(self) -> tuple[LeftOut, ...]:
        return tuple(one for one in self.left_out if one.broken)

    @property
    def notes(self) -> tuple[str, ...]:
        return (*self.arranged.notes, *self.divided.notes)


@register_source(NAME)
def find(data: DataSettings, places: Places, say: Say) -> Found:
    """Images in folders or by a table, here or at a URL (``data.images``).

    Raises:
        UserError: no images or one class, a location or a table that cannot be read, more broken
            files than ``data.broken_share``, no room.
    """
    looked = look(data, places, say)
    for note in looked.notes:
        say(note)
    check_broken(looked, data)
    return found_of(looked, data)


@register_listing(NAME)
def listing(data: DataSettings) -> dict[str, str]:
    """Every picture that has a class, by its path, and its size and time; no file is opened.

    Raises:
        UserError: as :func:`find`, for what the names alone show.
    """
    return _stamps(arrange(data))


def _stamps(arranged: Arranged) -> dict[str, str]:
    return {item.file.path: item.file.stamp for item in arranged.items}


def look(data: DataSettings, places: Places, say: Say) -> Looked:
    """Read all files that are new or changed and divide them.

    Raises:
        UserError: as :func:`find`, but for broken files.
    """
    if not data.images:
        raise UserError("source image-folder: set data.images to a folder, a table or a URL")
    say(f"Listing {data.images}")
    arranged = arrange(data)
    wanted = Wanted(arranged.root, image_shape(data), preparation(data), data.max_pixels)
    folder = store_folder(places.cache_dir, wanted.image_shape, wanted.preparation)
    index = index_path(places.cache_dir, arranged.root, data.max_pixels)
    with locked(folder.with_suffix(".lock")), open_index(index) as kept:
        store = PixelStore(folder)
        folder.mkdir(parents=True, exist_ok=True)
        os.utime(folder)  # was used: `catwalk clean` goes by it
        files = (item.file for item in arranged.items)
        known = read_files(files, wanted, kept, store, say)
    seen = read_seen(places.project_data)
    near = _near(store, seen) if data.near_duplicates else None
    divided = divide(arranged, known, data, seen, near, forgotten(places.project_data))
    _without_doubles(divided, store, known)
    return Looked(arranged, known, divided, store)


def image_shape(data: DataSettings) -> tuple[int, int, int]:
    """(height, width, channels) of the images as they are kept."""
    return data.image_size, data.image_size, 3 if data.colour else 1


def preparation(data: DataSettings) -> tuple[str, ...]:
    """Names of the steps from any picture to such an image."""
    return CROPPED if data.framing == "crop" else WHOLE


def check_broken(looked: Looked, data: DataSettings) -> None:
    """Raises UserError where more files are broken than the settings allow."""
    count = len(looked.arranged.items)
    broken = looked.broken
    if len(broken) <= data.broken_share * max(1, count):
        return
    named = "; ".join(f"{one.path}: {one.reason}" for one in broken[:NAMED])
    raise UserError(
        f"{looked.arranged.root}: {len(broken):,} of {count:,} files are broken, and "
        f"data.broken_share = {data.broken_share:g} allows {int(data.broken_share * count):,}. "
        f"The first: {named}"
    )


def found_of(looked: Looked, data: DataSettings) -> Found:
    """The images by their parts.

    Raises:
        UserError: the rules leave fewer than two classes.
    """
    divided, labels = looked.divided, looked.divided.labels
    if len(labels) < 2:
        raise UserError(
            f"{looked.arranged.root}: expected at least two classes with enough images. Received "
            f"{len(labels)}: {'; '.join(looked.notes) or 'no image can be used'}"
        )
    numbers = {label: number for number, label in enumerate(labels)}
    parts: dict[str, Images] = {}
    read_from: dict[str, ImageFiles] = {}
    by_digest = {one.digest: one for one in looked.known.values() if not one.problem}
    for part in (TRAINING, VALIDATION, TEST):
        # In the order of their digests: any first few of them are a fair sample.
        mine = sorted(digest for digest, (_, where) in divided.images.items() if where == part)
        rows = looked.store.rows_of(np.array(mine, DIGEST))
        classes = np.array([numbers[divided.images[digest][0]] for digest in mine], np.int32)
        parts[part] = Images(looked.store.pixels(rows), classes)
        files = [by_digest[digest] for digest in mine]
        read_from[part] = ImageFiles(
            np.array(mine, DIGEST),
            tuple(one.path for one in files),
            np.array([one.size for one in files], np.int64),
            tuple(divided.groups[digest] for digest in mine),
        )
    name = PurePosixPath(data.images.rstrip("/"))
    dataset = Dataset(
        name=name.stem if name.suffix else name.name,
        labels=tuple(labels),
        image_shape=image_shape(data),
        preparation=preparation(data),
        statistics=STATISTICS,
        # Not where: people who only see the page learn no path.
        origin=f"{len(divided.images):,} images by {looked.arranged.kind}",
    )
    return Found(
        dataset,
        parts[TRAINING],
        parts[TEST],
        parts[VALIDATION] if len(parts[VALIDATION]) else None,
        looked.left_out,
        looked.notes,
        read_from,
        _stamps(looked.arranged),
    )


def _near(store: PixelStore, seen: Mapping[str, Seen]) -> Near:
    """Compares images that are new with all, by the prints in the store."""

    def near(digests: Sequence[str]) -> list[tuple[str, str]]:
        if all(digest in seen for digest in digests):
            return []
        rows = store.rows_of(np.array(list(digests), DIGEST))
        here = [one for one, row in zip(digests, rows, strict=True) if row >= 0]
        new = np.flatnonzero([digest not in seen for digest in here])
        return [(here[a], here[b]) for a, b in near_pairs(store.prints(rows[rows >= 0]), new)]

    return near


def _without_doubles(divided: Divided, store: PixelStore, known: Mapping[str, Known]) -> None:
    """Leave out of training what looks like a held-out image, pixel by pixel, from another file."""
    digests = list(divided.images)
    looks = store.looks(store.rows_of(np.array(digests, DIGEST)))
    seen: dict[bytes, str] = {}
    paths = {one.digest: one.path for one in known.values()}
    for part in (TEST, VALIDATION, TRAINING):
        for digest, look_ in zip(digests, looks, strict=True):
            if divided.images.get(digest, ("", ""))[1] != part:
                continue
            if seen.setdefault(look_, part) != part:
                reason = f"its image equals one in the {seen[look_]} part, pixel by pixel"
                divided.left_out.append(LeftOut(paths[digest], reason))
                del divided.images[digest]
