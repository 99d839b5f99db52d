"""A source of many classes: tiny pictures in one colour each, few of each, of some very few."""

import numpy as np

from model_zoo import Dataset, Found, Images, register_source

SIDE = 16
CLASSES = 300
LEVELS = 7  # of red, green and blue each: 343 colours
TRAINING, TEST = 10, 3  # of each class
RARE, RARE_TRAINING, RARE_TEST = 20, 4, 1  # of each of the last ones: five images a class


@register_source("patterns")
def find(data, places, say):
    """Each class is a colour of its own, on a little noise."""
    random = np.random.default_rng(data.seed)
    dataset = Dataset(
        name="patterns",
        labels=tuple(f"pattern {number:03d}" for number in range(CLASSES)),
        image_shape=(SIDE, SIDE, 3),
        preparation=("upright", "flatten", "fit"),
        statistics=("brightness", "contrast", "roughness"),
        origin="drawn for tests",
    )
    return Found(dataset, drawn(TRAINING, RARE_TRAINING, random), drawn(TEST, RARE_TEST, random))


def drawn(each: int, rare: int, random: np.random.Generator) -> Images:
    counts = np.r_[np.full(CLASSES - RARE, each), np.full(RARE, rare)]
    labels = random.permutation(np.repeat(np.arange(CLASSES, dtype=np.int32), counts))
    digits = np.stack([labels // LEVELS**place % LEVELS for place in range(3)], axis=-1)
    colours = 20 + digits * (200 // (LEVELS - 1))
    noise = random.integers(-15, 16, (len(labels), SIDE, SIDE, 3))
    return Images((colours[:, None, None] + noise).astype(np.uint8), labels)
