"""A generated stand-in for Fashion-MNIST: garment silhouettes drawn by our own code.

Only for a demo without network. It has the same shape and labels, so everything runs on it;
nothing learned from it says anything about real garments.
"""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from model_zoo.data.dataset import Images
from model_zoo.data.fashion_mnist.description import SIDE

TRAIN_PER_CLASS, TEST_PER_CLASS = 600, 100
SCALE = 4  # drawn this much larger, then averaged down: smooth edges

# Outlines on a 28 x 28 grid, one list of polygons a class.
OUTLINES: dict[int, list[list[tuple[float, float]]]] = {
    0: [[(8, 4), (20, 4), (26, 9), (23, 13), (20, 11), (20, 25), (8, 25), (8, 11),
         (5, 13), (2, 9)]],
    1: [[(9, 2), (19, 2), (20, 26), (15, 26), (14, 9), (13, 26), (8, 26)]],
    2: [[(9, 4), (19, 4), (25, 8), (26, 23), (22, 23), (20, 12), (20, 25), (8, 25), (8, 12),
         (6, 23), (2, 23), (3, 8)]],
    3: [[(11, 2), (17, 2), (17, 10), (21, 26), (7, 26), (11, 10)]],
    4: [[(9, 2), (13, 2), (13, 26), (6, 26), (7, 10), (5, 24), (2, 24), (4, 6)],
        [(15, 2), (19, 2), (24, 6), (26, 24), (23, 24), (21, 10), (22, 26), (15, 26)]],
    5: [[(2, 20), (26, 17), (26, 20), (2, 22)], [(5, 12), (8, 11), (14, 20), (11, 20)],
        [(18, 9), (21, 9), (21, 18), (18, 18)]],
    6: [[(9, 3), (12, 5), (16, 5), (19, 3), (24, 6), (24, 18), (21, 18), (20, 10), (20, 25),
         (8, 25), (8, 10), (7, 18), (4, 18), (4, 6)]],
    7: [[(2, 15), (9, 16), (16, 11), (20, 10), (26, 14), (26, 20), (2, 20)]],
    8: [[(4, 12), (24, 12), (25, 25), (3, 25)], [(9, 12), (10, 6), (18, 6), (19, 12), (17, 12),
         (17, 8), (11, 8), (11, 12)]],
    9: [[(15, 3), (25, 3), (26, 23), (18, 23), (16, 21), (3, 23), (3, 18), (14, 14)]],
}  # fmt: skip


def draw(label: int, random: np.random.Generator) -> np.ndarray:
    """One silhouette: uint8 (28, 28), light on black, jittered in place, size, tilt and tone."""
    side = SIDE * SCALE
    canvas = Image.new("L", (side, side))
    pen = ImageDraw.Draw(canvas)
    tone = int(random.integers(120, 256))
    width, height = random.uniform(0.75, 1.05, 2)
    shift = random.uniform(-1.5, 1.5, 2)
    for outline in OUTLINES[label]:
        points = np.array(outline) + random.normal(0, 0.5, (len(outline), 2))
        points = (points - SIDE / 2) * (width, height) + SIDE / 2 + shift
        pen.polygon([tuple(point) for point in points * SCALE], fill=tone)
    canvas = canvas.rotate(float(random.normal(0, 4)))
    small = np.asarray(canvas.resize((SIDE, SIDE), Image.Resampling.BOX), np.float32)
    noisy = small * random.normal(1, 0.15, small.shape)
    return np.clip(noisy, 0, 255).astype(np.uint8)


def draw_sample(seed: int = 0) -> tuple[Images, Images]:
    """Training and test images, the same for the same seed."""
    random = np.random.default_rng(seed)
    parts = []
    for per_class in (TRAIN_PER_CLASS, TEST_PER_CLASS):
        labels = random.permutation(np.repeat(np.arange(len(OUTLINES), dtype=np.int32), per_class))
        parts.append(Images(np.stack([draw(int(label), random) for label in labels]), labels))
    return parts[0], parts[1]
