"""Images that were decoded once: shards that are only added to, with the digest of each image.

Pixels depend on the size and on the steps of preparation, so there is one store for each such pair
in a home, shared by all projects. Of a shard first the pixels are written, then the digests, which
make it count: a kill loses no more than the shard that was being collected. With each image lies a
digest of its pixels, by which equal images of different files are told, and a print, by which near
duplicates are.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from model_zoo.data.near_duplicates import PRINT_BYTES, prints_of
from model_zoo.data.pixels import Pixels, StoredPixels, chunks_of
from model_zoo.errors import UserError
from model_zoo.files import complete_or_absent

#: Counts up when the same steps make other pixels of the same file.
MADE_BY = 4
DIGEST = np.dtype("S64")  # SHA-256 of a file's bytes, hexadecimal
LOOK = np.dtype("S32")  # BLAKE2b of an image's pixels, hexadecimal


class PixelStore:
    """One folder of shards ``00000.npy``, each with ``.looks.npy``, ``.prints.npy`` and
    ``.digests.npy``.

    For one writer at a time (``model_zoo.locks``), and any number of readers.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._digests = [np.load(path) for path in sorted(folder.glob("*.digests.npy"))]
        self._sorted: tuple[np.ndarray, np.ndarray] | None = None

    @property
    def shards(self) -> list[Path]:
        return [self._shard(number) for number in range(len(self._digests))]

    def __len__(self) -> int:
        return sum(map(len, self._digests))

    def add(
        self,
        digests: Sequence[str],
        pixels: Sequence[np.ndarray],
        looks: Sequence[str] | None = None,
        prints: np.ndarray | None = None,
    ) -> None:
        """Write one more shard.

        Args:
            pixels: uint8 (h, w[, 3]), one a digest.
            looks, prints: of each image, by :func:`look_of` and ``near_duplicates.prints_of``,
                where somebody has them already.

        Raises:
            UserError: no room; the shards that are there stay whole.
        """
        number = len(self._digests)
        names = np.array(list(digests), DIGEST)
        seen = looks if looks is not None else [look_of(image) for image in pixels]
        with complete_or_absent(self._shard(number)) as partial:
            _save_each(partial, pixels)
        for path, array in (
            (self._looks(number), np.array(list(seen), LOOK)),
            (self._prints(number), prints_of(np.stack(pixels)) if prints is None else prints),
            (self._names(number), names),
        ):
            with complete_or_absent(path) as partial:
                np.save(partial, array, allow_pickle=False)
        self._digests.append(names)
        self._sorted = None

    def rows_of(self, digests: np.ndarray) -> np.ndarray:
        """Where images lie, int64 (N,); -1: not here. ``digests`` are of the type ``DIGEST``."""
        if not len(self):
            return np.full(len(digests), -1, np.int64)
        if self._sorted is None:
            every = np.concatenate(self._digests)
            order = np.argsort(every, kind="stable")
            self._sorted = every[order], order
        known, order = self._sorted
        place = np.minimum(np.searchsorted(known, digests), len(known) - 1)
        return np.where(known[place] == digests, order[place], -1)

    def looks(self, rows: np.ndarray) -> np.ndarray:
        """Digests of the pixels of images, ``LOOK`` (N,)."""
        every = [np.load(self._looks(number)) for number in range(len(self._digests))]
        return np.concatenate([np.empty(0, LOOK), *every])[rows]

    def prints(self, rows: np.ndarray) -> np.ndarray:
        """Prints of images (``data.near_duplicates``), uint8 (N, 200)."""
        every = [np.load(self._prints(number)) for number in range(len(self._digests))]
        return np.concatenate([np.empty((0, PRINT_BYTES), np.uint8), *every])[rows]

    def pixels(self, rows: np.ndarray) -> StoredPixels:
        """Images by their places.

        Raises:
            UserError: the store is empty.
        """
        if not self._digests:
            raise UserError(f"{self.folder} holds no images")
        return StoredPixels(self.shards, rows, looks=self.looks(rows))

    def _shard(self, number: int) -> Path:
        return self.folder / f"{number:05d}.npy"

    def _looks(self, number: int) -> Path:
        return self.folder / f"{number:05d}.looks.npy"

    def _prints(self, number: int) -> Path:
        return self.folder / f"{number:05d}.prints.npy"

    def _names(self, number: int) -> Path:
        return self.folder / f"{number:05d}.digests.npy"


def _save_each(path: Path, images: Sequence[np.ndarray]) -> None:
    """What ``np.save`` writes of all images as one array, without the copy of them all. Not by a
    memory map, which a full disk answers with a signal that ends the process."""
    first = images[0]
    whole = {
        "descr": np.lib.format.dtype_to_descr(first.dtype),
        "fortran_order": False,
        "shape": (len(images), *first.shape),
    }
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, whole)
        for image in images:
            if image.shape != first.shape or image.dtype != first.dtype:
                raise ValueError(f"{image.dtype} {image.shape} among {first.dtype} {first.shape}")
            file.write(np.ascontiguousarray(image).data)


def look_of(image: np.ndarray) -> str:
    """Digest of the pixels of one image."""
    return hashlib.blake2b(np.ascontiguousarray(image).data, digest_size=16).hexdigest()


def looks_of(pixels: Pixels) -> np.ndarray:
    """Digests of the pixels of each image, ``LOOK`` (N,); read where they were kept."""
    if isinstance(pixels, StoredPixels) and pixels.looks is not None:
        return pixels.looks
    return np.array([look_of(one) for some in chunks_of(pixels) for one in some], LOOK)


def store_folder(
    cache_dir: Path, image_shape: tuple[int, int, int], preparation: tuple[str, ...]
) -> Path:
    """Where images of this shape lie that these steps made."""
    made = json.dumps([MADE_BY, image_shape, preparation])
    return cache_dir / "pixels" / hashlib.sha256(made.encode()).hexdigest()[:16]
