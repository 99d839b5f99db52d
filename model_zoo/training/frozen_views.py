"""How a frozen part sees images: as they are, or augmented by a seed, a view and a place alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from model_zoo.classifier import augmentation_layers, resized
from model_zoo.data.dataset import Images
from model_zoo.errors import UserError
from model_zoo.settings import Augmentation
from model_zoo.training.features import Features
from model_zoo.training.memory import is_out_of_memory

if TYPE_CHECKING:
    import keras

CHUNK = 64


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
            pixels = pixels_of(
                self._frozen, self._views, self._images.images[chosen], view, int(chosen[0])
            )
            pieces.append(features_of(self._frozen, pixels))
        return np.concatenate(pieces)

    def in_memory(self, views: int) -> Features:
        """So many views, as arrays."""
        every = np.arange(len(self))
        return Features(tuple(self.inputs(every, view) for view in range(views)), self.labels)


def features_of(frozen: keras.Model, pixels: np.ndarray) -> np.ndarray:
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
    halves = [features_of(frozen, part) for part in (pixels[:middle], pixels[middle:])]
    return np.concatenate(halves)


def pixels_of(
    frozen: keras.Model, views: Views, batch: np.ndarray, view: int | None, start: int
) -> np.ndarray:
    """Float32 (N, h, w, channels), as the frozen part takes them: enlarged where it says so, and
    augmented by the seed, the view and the place alone."""
    pixels: Any = (batch[..., None] if batch.ndim == 3 else batch).astype(np.float32)
    height, width = frozen.input_shape[1:3]
    if pixels.shape[1:3] != (height, width):
        pixels = resized(pixels, height)
    if view is None:
        return np.asarray(pixels)
    chosen = np.random.default_rng((views.seed, view, start)).integers(2**30)
    for layer in augmentation_layers(views.augmentation, pixels.shape[-1], int(chosen)):
        pixels = layer(pixels, training=True)
    return np.asarray(pixels)
