"""The gate judges both on the same images, with words that a person can check."""

import numpy as np
import pytest

from model_zoo.evaluation.metrics import wilson_interval
from model_zoo.judging.gate import compare, judge


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


def test_drawings_never_replace_real_data_but_give_way_to_it() -> None:
    args = {"floor": 0.0, "margin": 0.0}
    assert not judge(right(1000), right(0), on_sample=True, **args).passed
    assert judge(right(10), right(900), production_on_sample=True, **args).passed


def test_the_comparison_counts_disagreements() -> None:
    candidate, production = np.array([1, 1, 1, 0, 0], bool), np.array([1, 0, 0, 1, 0], bool)
    found = compare(candidate, production)
    assert (found["only_candidate_right"], found["only_production_right"]) == (2, 1)
    assert found["difference"] == pytest.approx(0.2)
    assert found["p_value"] == pytest.approx(1.0)


def test_the_wilson_interval_matches_a_published_value() -> None:
    # Newcombe 1998, table I: 81 of 263, method 3.
    low, high = wilson_interval(81, 263)
    assert (round(low, 4), round(high, 4)) == (0.2553, 0.3662)
