"""Examples for the trained part of a classifier: what its frozen layers made of every image."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

STORED = np.float16  # half of float32; what comes out of normalised layers lies well inside
LARGEST = float(np.finfo(STORED).max)


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
        """Features (n, ...) of the view whose turn it is in this epoch, in the type that they are
        kept in: the network makes them float32 batch by batch, sooner than NumPy."""
        view = self.views[epoch % len(self.views)]
        # Sorted: a memory-mapped file is read in its own order.
        order = np.argsort(indices)
        found = np.empty((len(indices), *view.shape[1:]), view.dtype)
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
