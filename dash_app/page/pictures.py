"""Pixels as pictures of the page: raw images enlarged, heatmaps as coloured glass."""

from __future__ import annotations

import numpy as np
from dash import html
from PIL import Image

from model_zoo.images import data_url
from model_zoo.predictor import Prediction

# From transparent to opaque: dark red, orange, pale yellow; legible over black and over white.
GLASS = np.array([[80, 0, 60], [190, 30, 60], [245, 125, 20], [250, 240, 150]], np.float64)
HEATMAP_SIDE = 112


def pixels(image: np.ndarray, alt: str, class_name: str = "pixels") -> html.Img:
    """A raw image, uint8 (h, w), enlarged without smoothing."""
    return html.Img(src=data_url(image), alt=alt, className=class_name, title=alt)


def heatmaps_of(prediction: Prediction) -> dict[str, str]:
    """A ``data:`` URL for each class that the version gives a map for, the top class at least.

    Every map is scaled to its own largest value: it shows where, not how much. So a map of a single
    cell, which a backbone gives for a picture as small as its stride, shows nothing and is left
    out.
    """
    maps = prediction.heatmaps
    if prediction.heatmap is not None and prediction.heatmap.size == 1:
        return {}
    if maps is not None:
        return {
            label: glass(one)
            for label, one in zip(prediction.labels, np.asarray(maps), strict=True)
        }
    return {} if prediction.heatmap is None else {prediction.label: glass(prediction.heatmap)}


def glass(heatmap: np.ndarray) -> str:
    """float (h, w), not negative, as a picture whose opacity is the value."""
    top = float(heatmap.max())
    scaled = (heatmap / top if top > 0 else np.zeros_like(heatmap)).astype(np.float32)
    smooth = np.asarray(
        Image.fromarray(scaled).resize((HEATMAP_SIDE, HEATMAP_SIDE), Image.Resampling.BICUBIC)
    ).clip(0, 1)
    stops = np.linspace(0, 1, len(GLASS))
    colours = [np.interp(smooth, stops, GLASS[:, channel]) for channel in range(3)]
    rgba = np.stack([*colours, 255 * smooth], axis=-1)
    return data_url(rgba.astype(np.uint8))
