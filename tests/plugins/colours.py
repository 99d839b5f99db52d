"""A source of small colour images that are made up in a moment; also the shape of any source."""

import numpy as np

from model_zoo import Dataset, Found, Images, register_source

HEIGHT, WIDTH = 40, 30
LABELS = ("red", "green", "blue")
TRAINING, TEST = 120, 30  # of each class


@register_source("colours")
def find(data, places, say):
    """Discs of three colours on noise."""
    say("Drawing discs of three colours")
    random = np.random.default_rng(data.seed)
    dataset = Dataset(
        name="colours",
        labels=LABELS,
        image_shape=(HEIGHT, WIDTH, 3),
        preparation=("upright", "flatten", "fit"),
        statistics=("brightness", "contrast", "roughness"),
        origin="drawn for tests",
    )
    return Found(dataset, discs(TRAINING, random), discs(TEST, random))


def discs(per_class: int, random: np.random.Generator) -> Images:
    labels = random.permutation(np.repeat(np.arange(len(LABELS), dtype=np.int32), per_class))
    return Images(np.stack([disc(int(label), random) for label in labels]), labels)


def disc(label: int, random: np.random.Generator) -> np.ndarray:
    """uint8 (40, 30, 3)."""
    image = random.integers(0, 120, (HEIGHT, WIDTH, 3))
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    middle, radius = random.uniform((12, 10), (28, 20)), random.uniform(6, 10)
    inside = np.hypot(y - middle[0], x - middle[1]) < radius
    image[inside] //= 3
    image[inside, label] = random.integers(180, 256)
    return image.astype(np.uint8)
