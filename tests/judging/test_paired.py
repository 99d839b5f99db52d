"""The paired comparison against numbers worked by others, and by another method."""

import numpy as np
import pytest
from contests import table
from scipy.optimize import minimize_scalar

from model_zoo.judging.paired import compare, fell, holm, interval, lower_bound, score


def test_the_comparison_counts_disagreements() -> None:
    candidate, production = np.array([1, 1, 1, 0, 0], bool), np.array([1, 0, 0, 1, 0], bool)
    found = compare(candidate, production)
    assert (found["only_candidate_right"], found["only_production_right"]) == (2, 1)
    assert found["difference"] == pytest.approx(0.2)
    assert found["p_value"] == pytest.approx(1.0)


def test_the_interval_is_that_of_a_published_table() -> None:
    # Fagerland, Lydersen and Laake (Statistics in Medicine 33, 2014, 2850-2875): airway
    # hyper-responsiveness of 21 children before and after a transplantation, 1, 1, 7, 12; Tango's
    # score interval is -0.517 to -0.026.
    assert interval(1, 7, 21) == pytest.approx((-0.517, -0.026), abs=5e-4)


def test_with_many_images_it_is_the_normal_interval_of_a_textbook() -> None:
    # Agresti, Categorical Data Analysis, table 10.1: approval of a prime minister, asked twice of
    # 1600 people: 794, 150, 86, 570. Difference 0.04, 95 % interval 0.021 to 0.059.
    found = compare(*table(794, 150, 86, 570))
    assert found["difference"] == pytest.approx(0.04)
    assert found["difference_low"] == pytest.approx(0.021, abs=5e-4)
    assert found["difference_high"] == pytest.approx(0.059, abs=5e-4)


@pytest.mark.parametrize(("won", "lost"), [(40, 20), (3, 9), (0, 5), (230, 230)])
@pytest.mark.parametrize("difference", [-0.2, -0.01, 0.0, 0.1])
def test_the_score_is_that_of_the_likelihood_maximised_by_search(
    won: int, lost: int, difference: float, count: int = 1000
) -> None:
    def unlikely(share: float) -> float:
        shares = np.array([share + difference, share, 1 - 2 * share - difference])
        seen = np.array([won, lost, count - won - lost])
        return -float((seen * np.log(np.maximum(shares, 1e-300))).sum())

    least, most = max(0.0, -difference), (1 - difference) / 2
    share = minimize_scalar(
        unlikely, bounds=(least, most), options={"xatol": 1e-13}, method="bounded"
    ).x
    variance = count * (2 * share + difference - difference**2)
    expected = (won - lost - count * difference) / np.sqrt(variance)
    assert float(score(won, lost, count, difference)) == pytest.approx(expected, abs=2e-3)


def test_the_bound_covers_the_truth_as_often_as_it_says() -> None:
    random = np.random.default_rng(0)
    drawn = random.multinomial(2000, [0.02, 0.03, 0.95], 4000)
    covered = score(drawn[:, 0], drawn[:, 1], 2000, -0.01) <= 1.6449
    assert covered.mean() == pytest.approx(0.95, abs=0.01)
    assert lower_bound(40, 60, 2000, 0.95) == pytest.approx(-0.0183, abs=2e-4)


def test_the_p_value_is_the_exact_binomial_one() -> None:
    # 8 against 1: 2 * (C(9, 0) + C(9, 1)) / 2**9.
    assert compare(*table(50, 8, 1, 10))["p_value"] == pytest.approx(2 * 10 / 512)
    assert fell(1, 8) == pytest.approx(10 / 512)


def test_two_that_never_disagree_are_equal_to_within_what_so_few_images_can_show() -> None:
    found = compare(*table(90, 0, 0, 10))
    assert found["p_value"] == 1.0
    assert found["difference_low"] == pytest.approx(-found["difference_high"])
    assert found["difference_high"] == pytest.approx(1.96**2 / (100 + 1.96**2), abs=1e-4)


def test_a_family_of_tests_is_corrected_as_holm_does() -> None:
    # Holm 1979, worked by hand: 0.01 * 4, 0.02 * 3, 0.03 * 2, 0.04 raised to the one before.
    assert holm([0.01, 0.04, 0.03, 0.02]) == pytest.approx([0.04, 0.06, 0.06, 0.06])
