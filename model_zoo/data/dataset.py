"""What a dataset is: a named thing that knows its images, labels, sources and checksums."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class SourceFile:
    """One file of a dataset and the checksums by which it is known."""

    name: str
    md5: str
    sha256: str


@dataclass(frozen=True)
class Dataset:
    """The description of a dataset; :class:`Images` holds its content."""

    name: str
    image_shape: tuple[int, int]
    labels: tuple[str, ...]
    files: tuple[SourceFile, ...]
    mirrors: tuple[str, ...]
    licence: str
    homepage: str


@dataclass(frozen=True)
class Images:
    """Images in memory: ``images`` uint8 (N, h, w), ``labels`` uint8 (N,)."""

    images: np.ndarray
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)

    def inputs(self, indices: np.ndarray, epoch: int) -> np.ndarray:
        """A classifier's inputs: the raw images, the same in every epoch."""
        return self.images[indices]

    def take(self, indices: np.ndarray) -> Images:
        return Images(self.images[indices], self.labels[indices])


def digest(*parts: Images) -> str:
    """SHA-256 (16 hex digits) over shapes and bytes: equal data, equal digest."""
    value = hashlib.sha256()
    for part in parts:
        for array in (part.images, part.labels):
            value.update(str((array.shape, array.dtype)).encode())
            value.update(np.ascontiguousarray(array).data)
    return value.hexdigest()[:16]
