"""Draw a heatmap over the image that it explains."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from model_zoo.files import complete_or_absent

SIDE = 280  # pixels of the longer side
# From no evidence to most: through purple to yellow, readable without telling red from green.
RAMP = np.array([[13, 8, 135], [156, 23, 158], [237, 121, 83], [240, 249, 33]], np.float32)
STRENGTH = 0.6


def overlay(image: np.ndarray, heatmap: np.ndarray, side: int = SIDE) -> np.ndarray:
    """The image with the heatmap over it.

    Args:
        image: uint8 (H, W) or (H, W, 3).
        heatmap: float (h, w), not negative; its own largest value is the full colour.
        side: the longer side of the result in pixels.

    Returns:
        uint8 (height, width, 3), in the image's own proportions.
    """
    height, width = (round(side * one / max(image.shape[:2])) for one in image.shape[:2])
    picture = Image.fromarray(image).convert("RGB")
    large = np.asarray(picture.resize((width, height), Image.Resampling.NEAREST))
    scaled = np.asarray(heatmap, np.float32) / max(float(heatmap.max()), 1e-12)
    smooth = Image.fromarray(scaled).resize((width, height), Image.Resampling.BICUBIC)
    share = np.clip(np.asarray(smooth), 0, 1)
    places = np.linspace(0, 1, len(RAMP))
    colour = np.stack([np.interp(share, places, RAMP[:, i]) for i in range(3)], axis=-1)
    opaque = STRENGTH * share[..., None]
    return np.round(large * (1 - opaque) + colour * opaque).astype(np.uint8)


def write_overlays(path: Path, pairs: list[tuple[np.ndarray, np.ndarray]]) -> None:
    """Write a PNG: a row for each (image, heatmap), what the model saw beside where it looked.

    Raises:
        UserError: the file cannot be written.
    """
    rows = []
    for image, heatmap in pairs:
        plain = overlay(image, np.zeros_like(heatmap))
        rows.append(np.hstack([plain, overlay(image, heatmap)]))
    with complete_or_absent(path) as partial:
        Image.fromarray(np.vstack(rows)).save(partial, "PNG")
