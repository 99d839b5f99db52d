"""Corruptions are the same at every call, keep the shape, and hurt more where they are severer."""

import numpy as np
import pytest

from model_zoo.evaluation.corruptions import CORRUPTIONS, SEVERITIES, corrupted
from model_zoo.settings.judging import CORRUPTIONS as NAMED


@pytest.fixture(scope="module", params=[(20, 30), (20, 30, 3)], ids=["grey", "colour"])
def images(request: pytest.FixtureRequest) -> np.ndarray:
    random = np.random.default_rng(0)
    return random.integers(40, 200, (4, *request.param)).astype(np.uint8)


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_a_corruption_changes_an_image_the_more_the_severer_it_is(
    name: str, images: np.ndarray
) -> None:
    before = images.copy()
    mild, strong = (corrupted(images, name, severity) for severity in SEVERITIES)
    assert mild.shape == strong.shape == images.shape and mild.dtype == np.uint8
    np.testing.assert_array_equal(mild, corrupted(images, name, 1))
    np.testing.assert_array_equal(images, before)
    lost = [np.abs(one.astype(int) - images).mean() for one in (mild, strong)]
    if name == "shift":  # of noise, any shift is as far off as another
        np.testing.assert_array_equal(mild[:, 1:, 2:], images[:, :-1, :-2])
    else:
        assert 0 < lost[0] < lost[1]


def test_a_project_may_name_all_that_there_are() -> None:
    assert set(NAMED) == set(CORRUPTIONS)
