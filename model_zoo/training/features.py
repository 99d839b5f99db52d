"""What a frozen trunk makes of every image, computed once and read by every epoch and trial.

One file a view: float16 (N, ...) in NumPy's format, memory-mapped, named by everything that decides
its content. A view is whole or absent; one that was interrupted is continued where it was. View 0
of validation images is not augmented; each view of training images is augmented with a seed of
its own, so that augmentation is not lost where the trunk is frozen.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from model_zoo.classifier import augmentation
from model_zoo.config import Settings
from model_zoo.data.dataset import Images, digest
from model_zoo.files import read_json, write_json

if TYPE_CHECKING:
    import keras

STORED = np.float16  # half of float32; what comes out of normalised layers lies well inside
LARGEST = float(np.finfo(STORED).max)
CHUNK = 64
#: How often a partial file is made safe.
NOTED_SECONDS = 60.0
#: Disk that is left to everything else.
SPARE_BYTES = 2 * 2**30


@dataclass(frozen=True)
class Features:
    """Examples for the trained part of a classifier.

    Attributes:
        views: one array (N, ...) for each view of the images.
        labels: uint8 (N,).
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

    def in_memory(self) -> Features:
        return Features(tuple(np.asarray(view, np.float32) for view in self.views), self.labels)


def views_that_fit(settings: Settings, count: int, values: int, wanted: int) -> int:
    """How many views of ``count`` images with ``values`` numbers each the budget and disk hold."""
    settings.cache_dir.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(settings.cache_dir).free - SPARE_BYTES + _stored(settings)
    budget = min(free, settings.feature_cache_gb * 1e9)
    return max(0, min(wanted, int(budget // (count * values * STORED().itemsize))))


def frozen_features(
    settings: Settings,
    frozen: keras.Model,
    images: Images,
    key: dict[str, Any],
    augmented_views: int,
    say: Callable[[str], None] = print,
) -> Features:
    """Read the features of ``images`` from the cache, after computing what is missing.

    Args:
        frozen: float32 pixels (N, h, w, 1) -> features, see ``training.cut``.
        key: what decides the frozen part: backbone, weights, size, cut, precision.
        augmented_views: how many; 0: one view of the images as they are.

    Raises:
        UserError: the features cannot be written.
    """
    from model_zoo.registry.versions import locked

    views: list[Path] = []
    decided = key | {"images": digest(images), "seed": settings.seed} | _augmentation(settings)
    for view in range(max(1, augmented_views)):
        name = _name(decided | {"view": view if augmented_views else "plain"})
        path = _folder(settings) / f"{name}.npy"
        with locked(settings, "features"):
            if not path.exists():
                _make_room(settings, len(images), frozen, keep={*views, path})
                _compute(settings, frozen, images, path, view if augmented_views else None, say)
        path.touch()  # the oldest are removed first when room is needed
        views.append(path)
    arrays = tuple(np.load(path, mmap_mode="r") for path in views)
    return Features(arrays, images.labels)


def _augmentation(settings: Settings) -> dict[str, Any]:
    names = ("flip", "shift", "rotation", "zoom", "erase")
    return {name: getattr(settings, name) for name in names}


def _folder(settings: Settings) -> Path:
    folder = settings.cache_dir / "features"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _name(decided: dict[str, Any]) -> str:
    text = json.dumps(decided, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:24]


def _stored(settings: Settings) -> int:
    return sum(path.stat().st_size for path in _folder(settings).glob("*.npy"))


def _make_room(settings: Settings, count: int, frozen: keras.Model, keep: set[Path]) -> None:
    """Remove the features that were not used for longest until the budget holds new ones."""
    size = count * int(np.prod(frozen.output_shape[1:])) * STORED().itemsize
    old = sorted(_folder(settings).glob("*.npy"), key=lambda path: path.stat().st_mtime)
    for path in old:
        free = shutil.disk_usage(path.parent).free - SPARE_BYTES
        if free >= size and _stored(settings) + size <= settings.feature_cache_gb * 1e9:
            return
        if path not in keep:
            path.unlink(missing_ok=True)


def _compute(
    settings: Settings,
    frozen: keras.Model,
    images: Images,
    path: Path,
    view: int | None,
    say: Callable[[str], None],
) -> None:
    """Fill ``path`` chunk by chunk; the count of finished chunks lies beside the partial file."""
    partial, counted = path.with_suffix(".partial"), path.with_suffix(".json")
    shape = (len(images), *frozen.output_shape[1:])
    done = read_json(counted)["images"] if counted.exists() and partial.exists() else 0
    mode = "r+" if done else "w+"
    stored: np.memmap = np.lib.format.open_memmap(
        partial, mode, None if done else STORED, None if done else shape
    )
    started = told = time.monotonic()
    first = done
    for start in range(done, len(images), CHUNK):
        batch = images.images[start : start + CHUNK]
        pixels = _pixels(settings, batch, view, start)
        found = np.asarray(frozen.predict_on_batch(pixels), np.float32)
        stored[start : start + len(batch)] = np.clip(found, -LARGEST, LARGEST)
        done = start + len(batch)
        if time.monotonic() - told > NOTED_SECONDS:
            told = time.monotonic()
            stored.flush()
            write_json(counted, {"images": done})
            rate = (done - first) / (told - started)
            say(
                f"features: {done:,} of {len(images):,} images, {rate:,.0f} images/s, "
                f"{(len(images) - done) / rate / 60:.0f} min left"
            )
    stored.flush()
    del stored
    partial.replace(path)
    counted.unlink(missing_ok=True)


def _pixels(settings: Settings, batch: np.ndarray, view: int | None, start: int) -> np.ndarray:
    """Float32 (N, h, w, 1); the augmentation depends on the seed, the view and the place alone."""
    pixels: Any = batch[..., None].astype(np.float32)
    if view is None:
        return np.asarray(pixels)
    chosen = np.random.default_rng((settings.seed, view, start)).integers(2**30)
    for layer in augmentation(settings, int(chosen)):
        pixels = layer(pixels, training=True)
    return np.asarray(pixels)
