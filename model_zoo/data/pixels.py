"""Images on disk that are read in slices: shards of pixels that look like one array.

A shard is a NumPy file, uint8 (n, h, w) or (n, h, w, 3), and never changes once it is there.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

READ_BYTES = 16 * 2**20  # what is read at once where somebody goes through all images


class StoredPixels:
    """Some images of some shards, in any order; indexed like an array, it gives arrays.

    Each access maps the shards that it needs and lets go of them again: what was read does not
    stay in the process, so its memory is the same for ten thousand images and for a million.

    Attributes:
        shards: NumPy files.
        rows: int64 (N,), places of the images in all shards one after the other.
        name: of the collection, if what lies in its rows never changes; empty: nobody knows.
        looks: digests of the pixels of each image, ``S32`` (N,), where they were kept.
    """

    dtype = np.dtype(np.uint8)

    def __init__(
        self,
        shards: Sequence[Path],
        rows: np.ndarray | None = None,
        name: str = "",
        looks: np.ndarray | None = None,
    ):
        """
        Args:
            rows: by default all of them, in their order.
        """
        if not shards:
            raise ValueError("Expected at least one shard. Received: none")
        self.shards = tuple(shards)
        shapes = [np.load(path, mmap_mode="r").shape for path in self.shards]
        self._starts = np.concatenate([[0], np.cumsum([shape[0] for shape in shapes])])
        self._one: tuple[int, ...] = shapes[0][1:]
        self.rows = np.arange(self._starts[-1]) if rows is None else np.asarray(rows, np.int64)
        self.name = name
        self.looks = looks

    @property
    def shape(self) -> tuple[int, ...]:
        return (len(self.rows), *self._one)

    @property
    def ndim(self) -> int:
        return 1 + len(self._one)

    @property
    def nbytes(self) -> int:
        return int(np.prod(self.shape, dtype=np.int64))

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, key: Any) -> np.ndarray:
        """One image for a number, else those of a slice or of an array of numbers or truths."""
        if isinstance(key, int | np.integer):
            return self.take(np.array([key]))._all()[0]
        return self.take(key)._all()

    def __iter__(self) -> Iterator[np.ndarray]:
        for part in self.chunks():
            yield from part

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """All of them in memory: for few images."""
        return self[:] if dtype is None else self[:].astype(dtype)

    def chunks(self) -> Iterator[np.ndarray]:
        """All images in their order, some megabytes at a time."""
        return chunks_of(self)

    def take(self, indices: Any, axis: int = 0) -> StoredPixels:
        """Some of the images, not read yet; as ``numpy.take`` along the first axis, or a slice."""
        if axis != 0:
            raise ValueError(f"Expected axis 0. Received: {axis}")
        some = object.__new__(StoredPixels)
        some.__dict__.update(self.__dict__)
        some.rows = self.rows[indices]
        some.looks = None if self.looks is None else self.looks[indices]
        return some

    def fingerprint(self) -> str:
        """Equal for equal images: from the name and the rows, else from the pixels."""
        value = hashlib.sha256(f"{self.name} {self.shape}".encode())
        for part in [self.rows] if self.name else self.chunks():
            value.update(np.ascontiguousarray(part).data)
        return value.hexdigest()

    def by_shard(self) -> Iterator[tuple[Path, np.ndarray, np.ndarray]]:
        """For each shard that has any: its file, which images these are, their rows in it."""
        order = np.argsort(self.rows, kind="stable")  # a file is read in its own order
        rows = self.rows[order]
        edges = np.searchsorted(rows, self._starts)
        for number in np.flatnonzero(np.diff(edges)):
            here = slice(edges[number], edges[number + 1])
            yield self.shards[number], order[here], rows[here] - self._starts[number]

    def _all(self) -> np.ndarray:
        found = np.empty(self.shape, np.uint8)
        for shard, here, inside in self.by_shard():
            found[here] = np.load(shard, mmap_mode="r", allow_pickle=False)[inside]
        return found


#: Pixels of many images, uint8 (N, h, w) or (N, h, w, 3): in memory, or read when indexed.
Pixels: TypeAlias = np.ndarray | StoredPixels


def chunks_of(images: Pixels) -> Iterator[np.ndarray]:
    """Images in their order, some megabytes at a time."""
    size = max(1, READ_BYTES // max(1, int(np.prod(images.shape[1:]))))
    for start in range(0, len(images), size):
        yield images[start : start + size]
