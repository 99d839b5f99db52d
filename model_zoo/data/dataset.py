"""What a dataset is: what a source found, known only after looking; and images in memory."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from model_zoo.data.pixels import Pixels, StoredPixels, chunks_of


@dataclass(frozen=True)
class Dataset:
    """The description of the images that a run works with; :class:`Images` holds their content.

    Attributes:
        name: of the source's own, for people.
        labels: the classes, in the order of their numbers.
        image_shape: (height, width, channels) of every image; channels 1 (grey) or 3 (RGB).
        preparation: names of registered steps that bring any picture to such an image.
        statistics: names of registered statistics by which an unlike picture is told.
        generated: made up by a program; nothing learned from it holds for real images.
        origin: where the images came from, in words.
        licence: of the images; empty: unknown.
        snapshot: digest of all images, labels and of this description but for ``origin`` and
            ``licence``; empty until they are kept (``data.store``).
    """

    name: str
    labels: tuple[str, ...]
    image_shape: tuple[int, int, int]
    preparation: tuple[str, ...]
    statistics: tuple[str, ...] = ()
    generated: bool = False
    origin: str = ""
    licence: str = ""
    snapshot: str = ""

    @property
    def array_shape(self) -> tuple[int, ...]:
        """Shape of one image's pixels: (h, w) where grey, (h, w, 3) in colour."""
        return array_shape(self.image_shape)

    def as_dict(self) -> dict[str, Any]:
        """For JSON; :meth:`from_dict` reads it."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Dataset:
        """What :meth:`as_dict` gave, from JSON."""
        lists = {key: tuple(one) for key, one in values.items() if isinstance(one, list | tuple)}
        return cls(**(dict(values) | lists))


def array_shape(image_shape: tuple[int, ...]) -> tuple[int, ...]:
    """(h, w, channels) -> the shape of a uint8 array: grey images have no axis for their colour."""
    return tuple(image_shape[:2]) if image_shape[2] == 1 else tuple(image_shape)


@dataclass(frozen=True)
class Images:
    """``images`` uint8 (N, h, w) or (N, h, w, 3), in memory or on disk; ``labels`` int32 (N,)."""

    images: Pixels
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)

    def inputs(self, indices: np.ndarray, epoch: int) -> np.ndarray:
        """A classifier's inputs: the raw images, the same in every epoch."""
        return self.images[indices]

    def take(self, indices: np.ndarray) -> Images:
        """Some of them; those on disk are not read yet."""
        return Images(self.images.take(indices, axis=0), self.labels[indices])


def digest(*parts: Images) -> str:
    """SHA-256 (16 hex digits) over shapes and bytes: equal data, equal digest."""
    value = hashlib.sha256()
    for part in parts:
        value.update(str((part.images.shape, part.images.dtype)).encode())
        if isinstance(part.images, StoredPixels) and part.images.name:
            value.update(part.images.fingerprint().encode())
        else:
            for some in chunks_of(part.images):
                value.update(np.ascontiguousarray(some).data)
        value.update(str((part.labels.shape, part.labels.dtype)).encode())
        value.update(np.ascontiguousarray(part.labels).data)
    return value.hexdigest()[:16]
