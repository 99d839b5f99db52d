"""The gate judges both on the same images, with words that a person can check."""

import numpy as np
import pytest

from model_zoo.judging.gate import judge


def right(count: int, of: int = 1000) -> np.ndarray:
    return np.arange(of) < count


def test_the_first_candidate_needs_only_the_floor() -> None:
    assert judge(right(840), None, floor=0.835, margin=0).passed
    verdict = judge(right(830), None, floor=0.835, margin=0)
    assert not verdict.passed and "83.00% is below the floor 83.50%" in verdict.reasons[0]


@pytest.mark.parametrize(("margin", "passed"), [(0.0, False), (0.02, True)])
def test_a_candidate_may_lose_the_margin_and_no_more(margin: float, passed: bool) -> None:
    verdict = judge(right(890), right(900), floor=0.5, margin=margin)
    assert verdict.passed is passed
    assert "1.00% worse than production (90.00%) on the same 1000 images" in verdict.reasons[1]


def test_as_good_as_production_is_good_enough() -> None:
    assert judge(right(900), right(900), floor=0.5, margin=0).passed


def test_generated_images_never_replace_real_ones_but_give_way_to_them() -> None:
    args = {"floor": 0.0, "margin": 0.0}
    assert not judge(right(1000), right(0), generated=True, **args).passed
    assert judge(right(10), right(900), production_generated=True, **args).passed
