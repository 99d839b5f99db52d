"""When an image looks unlike those of its dataset, in words; grey and colour."""

import numpy as np
import pytest

from model_zoo.data.fashion_mnist.description import DATASET
from model_zoo.data.fashion_mnist.sample import draw_sample
from model_zoo.errors import UserError
from model_zoo.images.statistics import STATISTICS, summarise, unlike

GENERIC = ("brightness", "contrast", "roughness")


@pytest.mark.parametrize("shape", [(20, 16), (20, 16, 3)])
def test_what_is_outside_of_what_was_recorded_is_said(shape: tuple[int, ...]) -> None:
    random = np.random.default_rng(0)
    images = random.normal(random.uniform(90, 160, 300)[:, None], 20, (300, int(np.prod(shape))))
    images = images.clip(0, 255).astype(np.uint8).reshape(-1, *shape)
    recorded = summarise(images, GENERIC)
    assert unlike(images[150], recorded) == []
    black, white = np.zeros(shape, np.uint8), np.full(shape, 255, np.uint8)
    little = ["it has unusually little contrast", "it is unusually smooth"]
    assert unlike(black, recorded) == ["it is unusually dark", *little]
    assert unlike(white, recorded) == ["it is unusually bright", *little]
    noise = random.choice(np.array([0, 255], np.uint8), shape)
    assert "it is unusually noisy or patterned" in unlike(noise, recorded)


def test_quantiles_are_those_of_all_images_however_many_are_measured_at_once(monkeypatch) -> None:
    images = np.random.default_rng(0).integers(0, 256, (50, 8, 8), np.uint8)
    whole = summarise(images, GENERIC)
    monkeypatch.setattr("model_zoo.images.statistics.MEASURED_AT_ONCE", 7)
    assert summarise(images, GENERIC) == whole
    assert whole["brightness"] == pytest.approx(
        np.quantile(images.mean(axis=(1, 2)), (0.001, 0.999)), abs=1e-4
    )


def test_names_that_are_not_registered_here_are_passed_over_when_serving() -> None:
    image = np.zeros((8, 8), np.uint8)
    assert unlike(image, {"from-a-plugin": [1.0, 2.0], "brightness": [5.0, 9.0]}) == [
        "it is unusually dark"
    ]
    with pytest.raises(UserError, match="unknown statistic of images 'from-a-plugin'"):
        summarise(image[None], ["from-a-plugin"])


def test_what_is_no_garment_of_the_dataset_is_said() -> None:
    """Quantiles of the generated ones; a full square, a lone dot."""
    training, test = draw_sample()
    recorded = summarise(training.images, DATASET.statistics)
    assert tuple(recorded) == DATASET.statistics
    assert np.mean([not unlike(image, recorded) for image in test.images[:300]]) > 0.95
    square = np.full(DATASET.array_shape, 220, np.uint8)
    assert unlike(square, recorded) == [
        "the garment covers too much of it",
        "it reaches beyond the edges",
        "it is unusually smooth",
        "the corners are not black",
    ]
    dot = np.zeros_like(square)
    dot[14, 14] = 255
    assert unlike(dot, recorded)[:2] == [
        "the garment covers too little of the image",
        "the garment does not reach two opposite edges",
    ]


def test_statistics_have_words_for_both_sides() -> None:
    for name in STATISTICS.names():
        statistic = STATISTICS.get(name)
        assert statistic.too_low and statistic.too_high and statistic.too_low != statistic.too_high
