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
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from model_zoo.data.dataset import Images
from model_zoo.data.pixel_store import looks_of
from model_zoo.files import cannot_write, put_in_place, read_json, write_json
from model_zoo.locks import locked
from model_zoo.progress import Work, part
from model_zoo.training.faster_network import faster_in_inference
from model_zoo.training.features import LARGEST, STORED, Features
from model_zoo.training.frozen_identity import (
    CHECK_SUFFIX,
    IMAGES,
    TOLERANCE,
    difference,
    digest_of,
    note_inputs,
)
from model_zoo.training.frozen_views import Views, features_of, pixels_of
from model_zoo.training.known_features import SUFFIX, copy_known, name_of, note_looks

if TYPE_CHECKING:
    import keras

#: Pixels that a frozen part sees at once: 64 images of 224 x 224, or more that are smaller.
CHUNK_PIXELS = 64 * 224**2
MOST_AT_ONCE = 256
#: How often a partial file is made safe.
NOTED_SECONDS = 60.0
#: Disk that is left to everything else.
SPARE_BYTES = 2 * 2**30


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
    sooner = faster_in_inference(frozen, len(left) - done)
    for start in range(done, len(left), rows):
        mine = left[start : start + rows]
        batch = np.asarray(images.images[mine])
        pixels = pixels_of(frozen, views, batch, view, start)
        found = features_of(sooner, pixels)
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
        plain = pixels_of(frozen, views, np.asarray(images.images[:IMAGES]), None, 0)
        note_inputs(path, plain, np.asarray(frozen(plain, training=False), np.float32))
    stored.flush()
    del stored
    put_in_place(partial, path)
    counted.unlink(missing_ok=True)
