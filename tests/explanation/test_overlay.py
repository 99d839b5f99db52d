"""A heatmap over its image: grey or colour, in the image's own proportions."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from model_zoo.explanation.overlay import RAMP, STRENGTH, overlay, write_overlays


@pytest.mark.parametrize("shape", [(28, 28), (40, 30), (40, 30, 3), (20, 64, 3)])
def test_the_picture_keeps_the_images_proportions(shape: tuple[int, ...]) -> None:
    image = np.full(shape, 90, np.uint8)
    drawn = overlay(image, np.ones((3, 2), np.float32), side=120)
    height, width = drawn.shape[:2]
    assert max(height, width) == 120 and drawn.shape[2] == 3
    assert height / width == pytest.approx(shape[0] / shape[1], rel=0.02)
    np.testing.assert_allclose(
        drawn[height // 2, width // 2], 90 * (1 - STRENGTH) + RAMP[-1] * STRENGTH, atol=1
    )


def test_colours_show_where_there_is_no_evidence() -> None:
    image = np.zeros((40, 30, 3), np.uint8)
    image[..., 1] = 200
    plain = overlay(image, np.zeros((2, 2), np.float32), side=40)
    np.testing.assert_array_equal(plain, image)


def test_evidence_is_where_the_heatmap_has_it() -> None:
    heatmap = np.zeros((4, 3), np.float32)
    heatmap[0, 2] = 1
    drawn = overlay(np.zeros((40, 30), np.uint8), heatmap, side=40).astype(int)
    assert drawn[:10, 20:].mean() > 60 and drawn[20:].max() <= 3


def test_a_page_has_a_row_for_each_image(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    pairs = [
        (random.integers(0, 256, (40, 30, 3), np.uint8), random.random((2, 2), np.float32))
        for _ in range(3)
    ]
    write_overlays(tmp_path / "page.png", pairs)
    with Image.open(tmp_path / "page.png") as page:
        assert page.size == (2 * 210, 3 * 280)
