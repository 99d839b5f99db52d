"""Small pictures as files."""

from __future__ import annotations

import base64
import io

import numpy as np
from PIL import Image


def png(pixels: np.ndarray) -> bytes:
    """uint8 (h, w), (h, w, 3) or (h, w, 4) as a PNG file."""
    target = io.BytesIO()
    Image.fromarray(pixels).save(target, "PNG")
    return target.getvalue()


def data_url(pixels: np.ndarray) -> str:
    """The same PNG as a ``data:`` URL."""
    return f"data:image/png;base64,{base64.b64encode(png(pixels)).decode()}"
