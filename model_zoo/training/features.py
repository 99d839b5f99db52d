"""What a frozen trunk makes of every image, computed once and read by every epoch and trial.

One file a view: float16 (N, ...) in NumPy's format, memory-mapped, named by everything that decides
its content. A view is whole or absent; one that was interrupted is continued where it was. View 0
of validation images is not augmented; each view of training images is augmented with a seed of
its own, so that augmentation is not lost where the trunk is frozen.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from model_zoo.classifier import augmentation_layers
from model_zoo.data.dataset import Images
from model_zoo.data.pixel_store import looks_of
from model_zoo.errors import UserError
from model_zoo.files import cannot_write, put_in_place, read_json, write_json
from model_zoo.locks import locked
from model_zoo.progress import Work, part
from model_zoo.settings import Augmentation
from model_zoo.training.frozen_identity import (
    CHECK_SUFFIX,
    IMAGES,
    TOLERANCE,
    difference,
    digest_of,
    note_inputs,
)
from model_zoo.training.known_features import SUFFIX, copy_known, name_of, note_looks
from model_zoo.training.memory import is_out_of_memory
from model_zoo.training.normalisation import with_folded_normalisation

if TYPE_CHECKING:
    import keras

STORED = np.float16  # half of float32; what comes out of normalised layers lies well inside
LARGEST = float(np.finfo(STORED).max)
CHUNK = 64
#: Pixels that a frozen part sees at once: a chunk of 224 x 224, or more images that are smaller.
CHUNK_PIXELS = 64 * 224**2
MOST_AT_ONCE = 256
#: How often a partial file is made safe.
NOTED_SECONDS = 60.0
#: Disk that is left to everything else.
SPARE_BYTES = 2 * 2**30


@dataclass(frozen=True)
class Features:
    """Examples for the trained part of a classifier.

    Attributes:
        views: one array (N, ...) for each view of the images.
        labels: int32 (N,).
    """

    views: tuple[np.ndarray, ...]
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)

    def inputs(self, indices: np.ndarray, epoch: int) -> np.ndarray:
        """Features float32 (n, ...) of the view whose turn it is in this epoch."""
        view = self.views[epoch % len(self.views)]
        # Sorted: a memory-mapped file is read in its own order.
        order = np.argsort(indices)
        found = np.empty((len(indices), *view.shape[1:]), np.float32)
        found[order] = view[indices[order]]
        return found

    def take(self, indices: np.ndarray) -> Features:
        """Some of the examples."""
        return Features(tuple(view[indices] for view in self.views), self.labels[indices])

    def in_memory(self, views: int) -> Features:
        """The same as float32 arrays, of so many views at the most."""
        kept = tuple(np.asarray(view, np.float32) for view in self.views[:views])
        return Features(kept, self.labels)


@dataclass(frozen=True)
class FeatureFiles:
    """Where the features of training and validation images lie, for a process that has no network.

    Attributes:
        training: one file a view.
    """

    training: tuple[Path, ...]
    validation: Path

    @staticmethod
    def of(train: Features, validation: Features) -> FeatureFiles | None:
        """Of features from the cache; None where they are not pooled, or lie in memory."""
        views = (*train.views, *validation.views)
        if not all(isinstance(view, np.memmap) and view.ndim == 2 for view in views):
            return None
        *training, held_out = (Path(str(view.filename)) for view in views)  # type: ignore[attr-defined]
        return FeatureFiles(tuple(training), held_out)

    def read(self, train: np.ndarray, validation: np.ndarray) -> tuple[Features, Features] | None:
        """The features, or None where others have taken their room since.

        Args:
            train, validation: labels int32 (N,) of the images.
        """
        try:
            views = tuple(np.load(path, mmap_mode="r") for path in self.training)
            held_out = np.load(self.validation, mmap_mode="r")
            for path in (*self.training, self.validation):
                path.touch()  # the oldest are removed first when room is needed
        except (OSError, ValueError, EOFError):
            return None
        if {len(view) for view in views} != {len(train)} or len(held_out) != len(validation):
            return None
        return Features(views, train), Features((held_out,), validation)


@dataclass(frozen=True)
class Views:
    """How images are seen before a frozen part: in which augmented views, and by which seed.

    Attributes:
        count: augmented views; 0: one view of the images as they are.
    """

    augmentation: Augmentation
    seed: int
    count: int


class SeenAnew:
    """Examples for the trained part that are computed whenever they are asked for, kept nowhere."""

    def __init__(self, frozen: keras.Model, images: Images, views: Views) -> None:
        """
        Args:
            views: with a count above 0 each epoch sees another augmented view.
        """
        self.labels = images.labels
        self._frozen, self._images, self._views = frozen, images, views

    def __len__(self) -> int:
        return len(self.labels)

    def inputs(self, indices: np.ndarray, epoch: int) -> np.ndarray:
        """Features float32 (n, ...) of a view of its own for each epoch."""
        view = epoch if self._views.count else None
        pieces = []
        for start in range(0, len(indices), CHUNK):
            chosen = indices[start : start + CHUNK]
            pixels = _pixels(self._views, self._images.images[chosen], view, int(chosen[0]))
            pieces.append(_features_of(self._frozen, pixels))
        return np.concatenate(pieces)

    def in_memory(self, views: int) -> Features:
        """So many views, as arrays."""
        every = np.arange(len(self))
        return Features(tuple(self.inputs(every, view) for view in range(views)), self.labels)


class FeatureCache:
    """Features on disk, within a budget; what was not used for longest makes room for new ones."""

    def __init__(self, folder: Path, budget_gb: float) -> None:
        self.folder = folder
        self.budget_gb = budget_gb
        self._lock = folder.with_suffix(".lock")

    def views_that_fit(self, count: int, values: int, wanted: int) -> int:
        """How many views of ``count`` images with ``values`` numbers each budget and disk hold."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with locked(self._lock):
            free = shutil.disk_usage(self.folder).free - SPARE_BYTES + self._stored()
        budget = min(free, self.budget_gb * 1e9)
        return max(0, min(wanted, int(budget // (count * values * STORED().itemsize))))

    def features(
        self,
        frozen: keras.Model,
        images: Images,
        key: dict[str, Any],
        views: Views,
        say: Callable[[str], None] = print,
    ) -> Features:
        """Read the features of ``images`` from the cache, after computing what is missing.

        Args:
            frozen: float32 pixels (N, h, w, channels) -> features, see ``training.frozen_part``.
            key: what decides features beside the frozen part itself (``frozen_identity``).

        Raises:
            UserError: the features cannot be written.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        paths: set[Path] = set()
        arrays: list[np.ndarray] = []
        decided = key | {"frozen": digest_of(frozen), "seed": views.seed}
        decided |= views.augmentation.model_dump()
        families = [
            _name(decided | {"view": view if views.count else "plain"})
            for view in range(max(1, views.count))
        ]
        looks = looks_of(images.images)
        self._drop_stale(frozen, families, say)
        names = [name_of(family, looks, images.labels) for family in families]
        missing = sum(not (self.folder / f"{name}.npy").exists() for name in names)
        with part(say, "features of the frozen layers", missing * len(images)) as work:
            for view, name in enumerate(names):
                path = self.folder / f"{name}.npy"
                with locked(self._lock):
                    if not _is_whole(path):
                        self._make_room(len(images), frozen, keep={*paths, path})
                        seen = view if views.count else None
                        rows = _rows(int(key.get("size", 224)))
                        note_looks(path, looks)
                        _compute(
                            frozen, images, path, views, seen, work, rows, families[view], looks
                        )
                    path.touch()  # the oldest are removed first when room is needed
                    # Opened under the lock: what is mapped outlives its file's removal by another.
                    arrays.append(np.load(path, mmap_mode="r"))
                paths.add(path)
        return Features(tuple(arrays), images.labels)

    def _drop_stale(
        self, frozen: keras.Model, families: list[str], say: Callable[[str], None]
    ) -> None:
        """Compare what lies here with what ``frozen`` makes of the same inputs now."""
        for path in [one for name in families for one in self.folder.glob(f"{name}-*.npy")]:
            found = difference(frozen, path)
            if found is not None and found <= TOLERANCE:
                continue
            if found is not None:
                say(
                    f"features kept from before are {found:.0%} away from what the frozen layers "
                    "give now: they are computed anew"
                )
            with locked(self._lock):
                _remove(path)

    def _stored(self) -> int:
        return sum(path.stat().st_size for path in self.folder.glob("*.npy"))

    def _make_room(self, count: int, frozen: keras.Model, keep: set[Path]) -> None:
        """Remove the features that were not used for longest until the budget holds new ones."""
        size = count * int(np.prod(frozen.output_shape[1:])) * STORED().itemsize
        for path in sorted(self.folder.glob("*.npy"), key=lambda path: path.stat().st_mtime):
            free = shutil.disk_usage(path.parent).free - SPARE_BYTES
            if free >= size and self._stored() + size <= self.budget_gb * 1e9:
                return
            if path not in keep:
                _remove(path)


def _remove(path: Path) -> None:
    for one in (path, path.with_suffix(SUFFIX), path.with_suffix(CHECK_SUFFIX)):
        one.unlink(missing_ok=True)


def _reserve(path: Path, shape: tuple[int, ...]) -> np.memmap:
    """A new file of features that has its room on the disk: else a write into it is a bus error.

    Raises:
        UserError: there is not as much room.
    """
    try:
        stored: np.memmap = np.lib.format.open_memmap(path, "w+", STORED, shape)
        if hasattr(os, "posix_fallocate"):
            with path.open("r+b") as file:
                os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
    except OSError as error:
        path.unlink(missing_ok=True)
        raise cannot_write(path, error) from error
    return stored


def _is_whole(path: Path) -> bool:
    """Whether features lie there, as long as they say; a full disk or a copy may cut them short."""
    try:
        np.load(path, mmap_mode="r")
    except (OSError, ValueError, EOFError):
        return False
    return True


def _rows(size: int) -> int:
    """Images of this side in pixels that are seen at once."""
    return max(1, min(MOST_AT_ONCE, CHUNK_PIXELS // size**2))


def _name(decided: dict[str, Any]) -> str:
    text = json.dumps(decided, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:24]


def _compute(
    frozen: keras.Model,
    images: Images,
    path: Path,
    views: Views,
    view: int | None,
    work: Work,
    rows: int,
    family: str,
    looks: np.ndarray,
) -> None:
    """Fill ``path`` chunk by chunk; the count of finished images lies beside the partial file.

    What other files of the family have is copied first; which images that left to compute is noted
    too, so that a try that goes on counts the same ones.
    """
    partial, counted = path.with_suffix(".partial"), path.with_suffix(".json")
    shape = (len(images), *frozen.output_shape[1:])
    before = read_json(counted) if counted.exists() and partial.exists() else None
    stored = np.lib.format.open_memmap(partial, "r+") if before else _reserve(partial, shape)
    if before:
        done, left = before["images"], np.array(before["left"], np.int64)
    else:
        done, left = 0, copy_known(path, family, looks, stored)
    noted = time.monotonic()
    work.advance(len(images) - len(left) + done)
    sooner = with_folded_normalisation(frozen, len(left) - done)
    for start in range(done, len(left), rows):
        mine = left[start : start + rows]
        batch = np.asarray(images.images[mine])
        pixels = _pixels(views, batch, view, start)
        found = _features_of(sooner, pixels)
        stored[mine] = np.clip(found, -LARGEST, LARGEST)
        if start == 0:
            note_inputs(path, pixels, stored[mine])
        done = start + len(batch)
        work.advance(len(batch))
        if time.monotonic() - noted > NOTED_SECONDS:
            noted = time.monotonic()
            stored.flush()
            write_json(counted, {"images": done, "left": left.tolist()})
    if not len(left):  # all of it is from other files, each of which was compared
        plain = _pixels(views, np.asarray(images.images[:IMAGES]), None, 0)
        note_inputs(path, plain, np.asarray(frozen(plain, training=False), np.float32))
    stored.flush()
    del stored
    put_in_place(partial, path)
    counted.unlink(missing_ok=True)


def _features_of(frozen: keras.Model, pixels: np.ndarray) -> np.ndarray:
    """Float32 (N, ...); by halves where the device has no room for all at once.

    Raises:
        UserError: it has none for a single image.
    """
    try:
        return np.asarray(frozen.predict_on_batch(pixels), np.float32)
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        if len(pixels) == 1:
            raise UserError(
                "the device's memory does not hold a single image: choose a smaller image_size or "
                "backbone"
            ) from error
    middle = len(pixels) // 2
    halves = [_features_of(frozen, part) for part in (pixels[:middle], pixels[middle:])]
    return np.concatenate(halves)


def _pixels(views: Views, batch: np.ndarray, view: int | None, start: int) -> np.ndarray:
    """Float32 (N, h, w, channels); augmented by the seed, the view and the place alone."""
    pixels: Any = (batch[..., None] if batch.ndim == 3 else batch).astype(np.float32)
    if view is None:
        return np.asarray(pixels)
    chosen = np.random.default_rng((views.seed, view, start)).integers(2**30)
    for layer in augmentation_layers(views.augmentation, pixels.shape[-1], int(chosen)):
        pixels = layer(pixels, training=True)
    return np.asarray(pixels)
