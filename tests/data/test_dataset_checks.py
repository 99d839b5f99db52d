"""What a dataset must hold before anything is trained on it: each sentence, grey and colour."""

from dataclasses import replace

import numpy as np
import pytest

from model_zoo.data.checks import validate
from model_zoo.data.dataset import Dataset, Images
from model_zoo.errors import UserError

GREY = Dataset("grey", ("cat", "dog", "owl"), (8, 6, 1), (), snapshot="0123456789abcdef")
COLOUR = replace(GREY, image_shape=(8, 6, 3))


def images(dataset: Dataset = GREY, count: int = 60, seed: int = 0) -> Images:
    random = np.random.default_rng(seed)
    pixels = random.integers(0, 256, (count, *dataset.array_shape), np.uint8)
    return Images(pixels, (np.arange(count) % len(dataset.labels)).astype(np.int32))


@pytest.mark.parametrize("dataset", [GREY, COLOUR])
def test_what_is_sound_is_described(dataset: Dataset) -> None:
    training, test = images(dataset), images(dataset, 30, seed=1)
    assert validate(dataset, training, test) == {
        "dataset": "grey",
        "digest": "0123456789abcdef",
        "train": 60,
        "test": 30,
        "train_counts": [20, 20, 20],
        "test_counts": [10, 10, 10],
        "test_images_in_train": 0,
        "mean_pixel": round(float(training.images.mean()), 3),
        "std_pixel": round(float(training.images.std()), 3),
    }


def test_images_in_both_parts_are_counted_and_many_are_refused() -> None:
    training, test = images(count=300), images(count=300, seed=1)
    test.images[7] = training.images[5]
    assert validate(GREY, training, test)["test_images_in_train"] == 1
    test.images[:4] = training.images[:4]
    with pytest.raises(UserError, match=r"5 of 300 test images are .* Expected at most 1%"):
        validate(GREY, training, test)


GOOD = images()
WRONG = [
    (COLOUR, GOOD, r"expected shape \(N, 8, 6, 3\) with N > 0. Received: \(60, 8, 6\)"),
    (GREY, Images(GOOD.images[:0], GOOD.labels[:0]), r"Received: \(0, 8, 6\)"),
    (GREY, Images(GOOD.images / 255, GOOD.labels), "Received: float64 and int32"),
    (
        GREY,
        Images(GOOD.images, GOOD.labels.astype(np.uint8)),
        "expected uint8 and int32. Received: uint8 and uint8",
    ),
    (
        GREY,
        Images(GOOD.images, GOOD.labels[:-1]),
        r"expected one for each of 60 images. Received: \(59,\)",
    ),
    (GREY, Images(GOOD.images, GOOD.labels + np.int32(1)), "expected 0 to 2. Received: 3"),
    (GREY, Images(GOOD.images, GOOD.labels - np.int32(1)), "expected 0 to 2. Received: -1"),
    (
        GREY,
        Images(GOOD.images // 4 + 10, GOOD.labels),
        r"expected pixels that use the range 0 to 255. Received: 10 to 73",
    ),
    (
        GREY,
        Images(GOOD.images, np.where(GOOD.labels == 2, 0, GOOD.labels)),
        "of class 'owl': expected at least 2. Received: 0",
    ),
]


@pytest.mark.parametrize(("dataset", "part", "problem"), WRONG)
def test_what_is_wrong_is_one_sentence_with_the_value(
    dataset: Dataset, part: Images, problem: str
) -> None:
    other = images(dataset, seed=1)
    with pytest.raises(UserError, match=f"^training .*{problem}"):
        validate(dataset, part, other)
    with pytest.raises(UserError, match=f"^test .*{problem}"):
        validate(dataset, other, part)
