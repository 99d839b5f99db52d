"""Pixels as pictures of the page: raw images enlarged, heatmaps as coloured glass."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from dash import html
from PIL import Image

from model_zoo.images import data_url
from model_zoo.predictor import Prediction

# From transparent to opaque: dark red, orange, pale yellow; legible over black and over white.
GLASS = np.array([[80, 0, 60], [190, 30, 60], [245, 125, 20], [250, 240, 150]], np.float64)
LONGEST_SIDE = 112  # of a heatmap, in pixels
SMALL = 64  # an image whose sides are at most this long is enlarged pixel by pixel


def pixels(image: np.ndarray, alt: str) -> html.Img:
    """A raw image, uint8 (h, w) or (h, w, 3), as large as its place and in its own proportions."""
    return html.Img(src=data_url(image), alt=alt, className=enlarged(image.shape), title=alt)


def enlarged(shape: Sequence[int]) -> str:
    """The class that draws an image of this shape (h, w, ...): its pixels told apart, or smooth."""
    return "pixels" if max(shape[:2]) <= SMALL else "pixels smooth"


def heatmaps_of(prediction: Prediction) -> dict[str, str]:
    """A ``data:`` URL for each class that is explained, the most likely one first.

    Every map is scaled to its own largest value: it shows where, not how much. So a map of a single
    cell, which a backbone gives for a picture as small as its stride, shows nothing and is left
    out.
    """
    if prediction.heatmap.size == 1:
        return {}
    return {
        label: glass(one, prediction.image.shape)
        for label, one in zip(prediction.explained, prediction.heatmaps, strict=True)
    }


def glass(heatmap: np.ndarray, shape: Sequence[int]) -> str:
    """float (h, w), not negative, as a picture whose opacity is the value.

    Args:
        shape: of the image that it lies on, (h, w, ...): it gets the same proportions.
    """
    top = float(heatmap.max())
    scaled = (heatmap / top if top > 0 else np.zeros_like(heatmap)).astype(np.float32)
    height, width = (max(1, round(LONGEST_SIDE * side / max(shape[:2]))) for side in shape[:2])
    smooth = np.asarray(
        Image.fromarray(scaled).resize((width, height), Image.Resampling.BICUBIC)
    ).clip(0, 1)
    stops = np.linspace(0, 1, len(GLASS))
    colours = [np.interp(smooth, stops, GLASS[:, channel]) for channel in range(3)]
    rgba = np.stack([*colours, 255 * smooth], axis=-1)
    return data_url(rgba.astype(np.uint8))
