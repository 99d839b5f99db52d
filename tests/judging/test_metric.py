"""Judged by balanced accuracy or macro F1: exact figures, intervals that keep their level."""

import numpy as np
import pytest
from contests import contest, side
from scipy.stats import norm
from sklearn.metrics import balanced_accuracy_score, f1_score

from model_zoo.judging import paired
from model_zoo.judging.contest import Pair
from model_zoo.judging.looks import Look
from model_zoo.judging.metric import Comparison, added_by_each, compare_by, figure
from model_zoo.judging.rule import RULES

#: Ten classes from 400 images to 6.
TRUTH = np.repeat(np.arange(10), [400, 250, 150, 90, 50, 30, 15, 10, 7, 6])
OF_CLASSES = ("balanced_accuracy", "macro_f1")


def pair(truth: np.ndarray, ours: np.ndarray, theirs: np.ndarray, classes: int = 10) -> Pair:
    names = tuple(map(str, range(classes)))
    members = np.arange(len(truth))
    return Pair(ours == truth, theirs == truth, members, names, truth, ours, theirs)


def equals(random: np.random.Generator, errors: float = 0.15) -> tuple[np.ndarray, np.ndarray]:
    """Two classifiers that are equally good and mostly of one mind, the rare classes harder."""
    hard = random.random(len(TRUTH)) < errors * np.where(TRUTH > 5, 2, 1)
    answers = []
    for _ in range(2):
        wrong = hard & (random.random(len(TRUTH)) < 0.7)
        answers.append(np.where(wrong, random.integers(0, 10, len(TRUTH)), TRUTH))
    return answers[0], answers[1]


def test_the_mean_of_what_images_add_is_the_figure_of_scikit_learn() -> None:
    said, _ = equals(np.random.default_rng(0))
    expected = {
        "accuracy": float((said == TRUTH).mean()),
        "balanced_accuracy": balanced_accuracy_score(TRUTH, said),
        "macro_f1": f1_score(TRUTH, said, average="macro"),
    }
    for metric, value in expected.items():
        assert figure(metric, TRUTH, said, 10) == pytest.approx(value)
        assert added_by_each(metric, TRUTH, said, 10).mean() == pytest.approx(value)


def test_what_an_image_adds_to_macro_f1_is_how_the_figure_moves_without_it() -> None:
    said, _ = equals(np.random.default_rng(1))
    whole = f1_score(TRUTH, said, average="macro")
    added = added_by_each("macro_f1", TRUTH, said, 10)
    for image in (3, 700, 905):  # of a common class, of rarer ones
        rest = np.arange(len(TRUTH)) != image
        moved = f1_score(TRUTH[rest], said[rest], average="macro") - whole
        assert -(added[image] - whole) / len(TRUTH) == pytest.approx(moved, rel=0.3, abs=1e-6)


def test_balanced_classes_have_the_interval_of_accuracy() -> None:
    truth = np.arange(1000) % 2
    ours = np.where(np.arange(1000) < 60, 1 - truth, truth)
    theirs = np.where((np.arange(1000) >= 40) & (np.arange(1000) < 80), 1 - truth, truth)
    both = pair(truth, ours, theirs, 2)
    by_accuracy, balanced = (compare_by(one, both) for one in ("accuracy", "balanced_accuracy"))
    assert balanced.difference == pytest.approx(by_accuracy.difference)
    np.testing.assert_allclose(balanced.interval(), by_accuracy.interval(), atol=1.5e-3)
    assert by_accuracy.interval() == paired.interval(20, 40, 1000)


def test_without_any_disagreement_few_images_still_hide_a_loss() -> None:
    truth = np.arange(40) % 2
    for metric in ("accuracy", *OF_CLASSES):
        low = compare_by(metric, pair(truth, truth, truth, 2)).lower_bound(0.95)
        assert low == pytest.approx(-(1.645**2) / 40, rel=0.1), "z^2 of 40 images"


@pytest.mark.parametrize("metric", OF_CLASSES)
def test_a_bound_at_95_percent_is_crossed_by_equals_in_about_a_twentieth(metric: str) -> None:
    random = np.random.default_rng(2)
    crossed = {0.95: 0, 0.9995: 0}
    for _ in range(600):
        found = compare_by(metric, pair(TRUTH, *equals(random)))
        for confidence in crossed:
            crossed[confidence] += found.lower_bound(confidence) > 0
    assert crossed[0.95] <= 600 * 0.07 and crossed[0.9995] <= 3, crossed
    assert crossed[0.95] >= 600 * 0.01, "an interval that is never crossed is too wide to decide"


def rare_class_lost() -> dict:
    """The candidate is right on twenty more of 900 common images, and loses 15 of 100 rare ones."""
    truth = np.repeat([0, 1], [900, 100])
    place = np.arange(1000)
    production = side("1", (place >= 40), truth)
    worse = side("2", (place >= 20) & ((place < 900) | (place >= 915)), truth)
    return {"truth": truth, "production": production, "worse": worse}


def test_a_better_accuracy_that_a_rare_class_pays_for_is_no_better_balanced_accuracy() -> None:
    given = rare_class_lost()
    versions = given["worse"], given["production"]
    by_accuracy = RULES.get("not-worse")(contest(*versions, truth=given["truth"], margin=0.02))
    assert by_accuracy.outcome == "passed", by_accuracy.sentence
    judged = {"truth": given["truth"], "margin": 0.02, "metric": "balanced_accuracy"}
    found = RULES.get("not-worse")(contest(*versions, **judged))
    assert found.outcome == "failed", found.sentence
    assert "worse in balanced accuracy than production (97.78%)" in found.sentence


@pytest.mark.parametrize(
    ("metric", "reached"), [("accuracy", 0.97), ("balanced_accuracy", 0.85), ("macro_f1", 0.90)]
)
def test_the_floor_is_in_the_metric(metric: str, reached: float) -> None:
    truth = np.repeat([0, 1], [900, 100])
    candidate = side("2", np.arange(1000) < 970, truth)  # of the rare class 70
    found = RULES.get("floor")(contest(candidate, truth=truth, floor=0.95, metric=metric))
    assert found.figures["reached"] == pytest.approx(reached, abs=0.01)
    assert found.outcome == ("passed" if reached > 0.95 else "failed")


def test_tries_of_one_recipe_add_up_by_balanced_accuracy_and_stand_alone_by_macro_f1() -> None:
    truth = np.repeat([0, 1], [900, 100])
    place = np.arange(1000)
    candidate, production = side("2", place >= 22, truth), side("1", place >= 40, truth)
    before = (place >= 10).astype(int) + (place >= 25)
    look = Look(number=5, series=2, tries=3, earlier_right=before)
    given = {"truth": truth, "look": look}
    added = RULES.get("better")(contest(candidate, production, metric="balanced_accuracy", **given))
    means = [(40 - wrong) / 900 / 2 for wrong in (22, 10, 25)]
    assert added.figures["series_difference"] == pytest.approx(np.mean(means))
    assert added.figures["tries"] == 3 and added.figures["series"] == 2
    alone = RULES.get("better")(contest(candidate, production, metric="macro_f1", **given))
    assert alone.figures["tries"] == 1 and alone.figures["series"] == 5
    error = 0.05 * 6 / (np.pi * 5) ** 2
    assert alone.figures["bound"] == pytest.approx(norm.isf(error))


def test_drift_is_in_the_metric() -> None:
    given = rare_class_lost()
    judged = {"truth": given["truth"], "drift_budget": 0.08, "metric": "balanced_accuracy"}
    versions = given["worse"], given["production"]
    found = RULES.get("drift")(contest(*versions, **judged))
    assert found.outcome == "failed" and found.figures["metric"] == "balanced_accuracy"


def test_an_answer_that_is_no_common_class_costs_recall_and_no_precision() -> None:
    truth = np.repeat([0, 1], 50)
    ours = np.where(np.arange(100) < 10, -1, truth)
    found: Comparison = compare_by("macro_f1", pair(truth, ours, truth, 2))
    recall_only = 2 * 40 / (50 + 40)
    assert found.ours.mean() == pytest.approx((recall_only + 1) / 2)
