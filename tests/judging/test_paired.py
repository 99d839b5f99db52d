"""The paired comparison against numbers worked by others."""

import numpy as np
import pytest

from model_zoo.judging.paired import compare


def table(both: int, only_candidate: int, only_production: int, neither: int):
    """Correct or not, for candidate and production, with these counts."""
    counts = (both, only_candidate, only_production, neither)
    candidate = np.repeat([True, True, False, False], counts)
    production = np.repeat([True, False, True, False], counts)
    return candidate, production


def test_the_comparison_counts_disagreements() -> None:
    candidate, production = np.array([1, 1, 1, 0, 0], bool), np.array([1, 0, 0, 1, 0], bool)
    found = compare(candidate, production)
    assert (found["only_candidate_right"], found["only_production_right"]) == (2, 1)
    assert found["difference"] == pytest.approx(0.2)
    assert found["p_value"] == pytest.approx(1.0)


def test_it_agrees_with_an_example_of_a_textbook() -> None:
    # Agresti, Categorical Data Analysis, table 10.1: approval of a prime minister, asked twice of
    # 1600 people: 794, 150, 86, 570. Difference 0.04, 95 % interval 0.021 to 0.059 (the book's
    # standard error is 0.0095).
    found = compare(*table(794, 150, 86, 570))
    assert found["difference"] == pytest.approx(0.04)
    assert found["difference_low"] == pytest.approx(0.0213, abs=2e-4)
    assert found["difference_high"] == pytest.approx(0.0587, abs=2e-4)


def test_the_p_value_is_the_exact_binomial_one() -> None:
    # 8 against 1: 2 * (C(9, 0) + C(9, 1)) / 2**9.
    assert compare(*table(50, 8, 1, 10))["p_value"] == pytest.approx(2 * 10 / 512)


def test_two_that_never_disagree_are_equal_with_certainty() -> None:
    found = compare(*table(90, 0, 0, 10))
    assert found["p_value"] == 1.0
    assert found["difference_low"] == found["difference_high"] == 0.0
