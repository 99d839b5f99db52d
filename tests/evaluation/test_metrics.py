"""Figures of merit against published values, scikit-learn and cases worked by hand."""

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, balanced_accuracy_score, f1_score, top_k_accuracy_score

from model_zoo.evaluation.certainty import in_words
from model_zoo.evaluation.confusion import MOST_CONFUSED, confused
from model_zoo.evaluation.intervals import of_class_figures, wilson_bounds, wilson_interval
from model_zoo.evaluation.metrics import expected_calibration_error, score

NAMES = ("cat", "dog", "horse")


@pytest.fixture
def answers() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    labels = rng.integers(0, 3, 400).astype(np.int32)
    probabilities = rng.dirichlet((1, 1, 1), 400)
    probabilities[np.arange(400), labels] += 0.5
    return probabilities / probabilities.sum(axis=1, keepdims=True), labels


def test_the_wilson_interval_matches_a_published_value() -> None:
    # Newcombe 1998, table I: 81 of 263, method 3.
    low, high = wilson_interval(81, 263)
    assert (round(low, 4), round(high, 4)) == (0.2553, 0.3662)


@pytest.mark.parametrize("correct", [0, 20])
def test_the_wilson_interval_stays_between_0_and_1(correct: int) -> None:
    low, high = wilson_interval(correct, 20)
    assert 0 <= low <= correct / 20 <= high <= 1


def test_the_score_is_that_of_scikit_learn(answers: tuple[np.ndarray, np.ndarray]) -> None:
    probabilities, labels = answers
    predicted = probabilities.argmax(axis=1)
    found = score(probabilities.astype(np.float32), labels, NAMES)
    assert found["accuracy"] == pytest.approx(accuracy_score(labels, predicted))
    assert found["macro_f1"] == pytest.approx(f1_score(labels, predicted, average="macro"))
    assert found["log_loss"] == pytest.approx(
        -np.log(probabilities[np.arange(400), labels]).mean(), rel=1e-5
    )
    assert found["accuracy_low"] < found["accuracy"] < found["accuracy_high"]
    assert [one["support"] for one in found["per_class"]] == np.bincount(labels).tolist()
    assert np.trace(found["confusion"]) == (predicted == labels).sum()


def test_a_class_that_no_image_has_is_scored_as_nothing() -> None:
    found = score(np.array([[0.6, 0.3, 0.1]] * 4), np.zeros(4, np.int32), NAMES)
    assert [one["support"] for one in found["per_class"]] == [4, 0, 0]
    assert found["per_class"][2]["f1"] == 0.0


def test_the_calibration_error_is_the_gap_between_confidence_and_accuracy() -> None:
    confidence = np.full(10, 0.9)
    assert expected_calibration_error(confidence, np.arange(10) < 6) == pytest.approx(0.3)
    assert expected_calibration_error(confidence, np.arange(10) < 9) == pytest.approx(0)


def test_the_other_figures_are_those_of_scikit_learn(
    answers: tuple[np.ndarray, np.ndarray],
) -> None:
    probabilities, labels = answers
    predicted = probabilities.argmax(axis=1)
    found = score(probabilities, labels, NAMES)
    assert found["balanced_accuracy"] == pytest.approx(balanced_accuracy_score(labels, predicted))
    assert found["top2_accuracy"] == pytest.approx(top_k_accuracy_score(labels, probabilities, k=2))
    assert found["brier"] == pytest.approx(((probabilities - np.eye(3)[labels]) ** 2).sum(1).mean())


def test_intervals_of_class_figures_are_as_wide_as_theory_has_them() -> None:
    # 2 classes of 2000, right on 90 %: the standard error of a recall is sqrt(0.09 / 2000), of the
    # mean of two 0.0047.
    random = np.random.default_rng(1)
    labels = np.repeat([0, 1], 2000)
    right = random.random(4000) < 0.9
    probabilities = np.where((right == (labels == 1))[:, None], [0.2, 0.8], [0.8, 0.2])
    found = score(probabilities, labels, ("a", "b"))
    for name in ("balanced_accuracy", "macro_f1"):
        width = found[f"{name}_high"] - found[f"{name}_low"]
        assert width == pytest.approx(2 * 1.96 * 0.0047, rel=0.15)
        assert found[f"{name}_low"] < found[name] < found[f"{name}_high"]
    again = score(probabilities, labels, ("a", "b"))
    assert again == found, "the same at every call"


def test_the_bounds_of_many_classes_are_those_of_each() -> None:
    hits, counts = np.array([0, 1, 5, 81]), np.array([20, 1, 5, 263])
    low, high = wilson_bounds(hits, counts)
    expected = [
        wilson_interval(int(hit), int(count)) for hit, count in zip(hits, counts, strict=True)
    ]
    np.testing.assert_allclose(np.stack([low, high], axis=1), expected, atol=1e-9)
    assert [float(one[0]) for one in wilson_bounds(np.array([0]), np.array([0]))] == [0, 1]


def test_of_a_thousand_classes_the_matrix_is_that_of_the_most_confused() -> None:
    labels = np.repeat(np.arange(1000), 3)
    predicted = labels.copy()
    predicted[3 * 700 : 3 * 700 + 3] = 20  # three of class 700 taken for 20
    predicted[3 * 900 : 3 * 900 + 2] = 901
    found = confused(labels, predicted, 1000)
    assert found["confused_pairs"] == [(700, 20, 3), (900, 901, 2)]
    assert len(found["confusion"]) == len(found["confused_classes"]) == MOST_CONFUSED
    assert {20, 700, 900, 901} <= set(found["confused_classes"])
    place = found["confused_classes"].index
    assert found["confusion"][place(700)][place(20)] == 3
    assert found["confusion"][place(901)][place(901)] == 3


def test_few_images_of_a_class_are_said_to_prove_little() -> None:
    names = tuple(f"class {number}" for number in range(300))
    said = in_words(names, np.r_[1, np.full(199, 2), np.full(100, 50)])
    assert "Test images a class: 1 to 50, half of the classes have 2 or less" in said
    assert "little about class 0, class 1, class 2 and 197 more, with fewer than 30" in said
    assert "the true share may still be as low as 21%" in said
    assert "nothing is known" in in_words(("cat", "dog"), np.array([0, 40]))
    enough = in_words(("cat", "dog"), np.array([40, 40]))
    assert enough == "Test images a class: 40, half of the classes have 40 or less."


@pytest.mark.parametrize("classes", [2, 1000])
def test_a_thousand_classes_and_two_are_scored(classes: int) -> None:
    random = np.random.default_rng(0)
    labels = random.permutation(np.repeat(np.arange(classes), 4)).astype(np.int32)
    probabilities = random.random((len(labels), classes)).astype(np.float32)
    probabilities[np.arange(0, len(labels), 2), labels[::2]] += 1
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    found = score(probabilities, labels, tuple(map(str, range(classes))))
    assert found["balanced_accuracy_low"] <= found["balanced_accuracy"] <= found["accuracy_high"]
    assert len(found["per_class"]) == classes and len(found["confusion"]) <= MOST_CONFUSED


@pytest.mark.parametrize("each", [1, 3, 30])
def test_intervals_hold_with_few_images_a_class(each: int) -> None:
    random = np.random.default_rng(4)
    recall = random.beta(4, 1, 60)
    counts = each * np.where(np.arange(60) < 30, 1, 4)
    labels = np.repeat(np.arange(60), counts)
    held = 0
    for _ in range(200):
        right = random.random(len(labels)) < recall[labels]
        found = of_class_figures(labels, np.where(right, labels, (labels + 1) % 60), 60)
        low, high = found["balanced_accuracy_low"], found["balanced_accuracy_high"]
        held += low <= recall.mean() <= high
    assert held >= 0.93 * 200
