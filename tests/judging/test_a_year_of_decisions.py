"""What the gate promises over a year of weekly candidates, seen on simulated years."""

import numpy as np

from benchmarks.gate import POINT, RECIPES, SETTINGS, WEEKS, simulate


def test_of_equal_candidates_on_unchanged_images_hardly_a_year_promotes_any() -> None:
    for scenario in ("equal", RECIPES):
        found = simulate(scenario, newer=False, years=100)
        assert np.mean([year.promotions > 0 for year in found["catwalk"]]) < 0.05
        assert np.mean([year.promotions > 0 for year in found["TFX"]]) > 0.9


def test_one_that_is_half_a_point_better_is_promoted_within_eight_weeks() -> None:
    found = simulate("better", newer=False, years=100)["catwalk"]
    assert np.mean([year.first is not None and year.first < 8 for year in found]) >= 0.8


def test_on_newer_images_decline_never_costs_more_than_the_budget() -> None:
    found = simulate("declining", newer=True, years=100)
    assert min(year.lowest for year in found["catwalk"]) > -SETTINGS.drift_budget
    assert np.mean([year.end for year in found["margin"]]) < -2 * POINT


def test_on_newer_images_equal_ones_are_let_through() -> None:
    found = simulate("equal", newer=True, years=60)["catwalk"]
    assert np.mean([year.promotions for year in found]) >= 0.7 * WEEKS
