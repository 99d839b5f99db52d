"""Two versions side by side, on numbers that a person can work out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from model_zoo.comparison import Comparison, compare_versions
from model_zoo.errors import UserError
from model_zoo.evaluation.metrics import score
from model_zoo.registry.judged_answers import Answers
from model_zoo.registry.test_set_record import digests_of
from model_zoo.registry.version_report import TestPredictions, VersionReport
from model_zoo.settings import JudgingSettings

LABELS = ("cat", "dog")


@dataclass(frozen=True)
class Told:
    """A version as its run has it."""

    truth: np.ndarray
    probabilities: np.ndarray
    images: np.ndarray
    labels: tuple[str, ...] = LABELS
    served: str | None = "onnx"
    corrupted: np.ndarray | None = None
    tables: dict[str, Any] | None = None


@dataclass(frozen=True)
class Reports:
    """What `VersionReports` reads from MLflow."""

    told: dict[str, Told]

    def report(self, version: str) -> VersionReport:
        one = self.told[version]
        evaluation = score(one.probabilities, one.truth, one.labels)
        tables = {"evaluation": evaluation | {"statistics": {"brightness": [0, 1]}}}
        return VersionReport(
            version, "run", "1", "", True, {}, {}, {}, {}, [], [], {}, tables | (one.tables or {})
        )

    def predictions(self, report: VersionReport) -> TestPredictions:
        one = self.told[report.version]
        predicted = one.probabilities.argmax(axis=1)
        return TestPredictions(predicted, one.truth, one.probabilities, digests_of(one.images))

    def answers(self, report: VersionReport) -> Answers | None:
        one = self.told[report.version]
        if one.served is None:
            return None
        tried = one.corrupted if one.corrupted is not None else np.empty((0, 0), int)
        names = np.array(["noise 1"] if len(tried) else [], "U")
        return Answers(
            "part", one.served, one.probabilities.argmax(axis=1), one.probabilities,
            np.zeros(0), 1, np.arange(tried.shape[1]), names, tried,
        )  # fmt: skip

    def test_images(self, report: VersionReport) -> np.ndarray:
        return self.told[report.version].images


def version(right: np.ndarray, truth: np.ndarray | None = None, sure: Any = 0.9) -> Told:
    """Right where it should be, of two classes; brighter images come later."""
    truth = np.zeros(len(right), int) if truth is None else truth
    said = np.where(right, truth, 1 - truth)
    probabilities = np.empty((len(right), 2))
    probabilities[np.arange(len(right)), said] = sure
    probabilities[np.arange(len(right)), 1 - said] = 1 - np.asarray(sure)
    images = np.zeros((len(right), 4, 4), np.uint8)
    images[:, 0, 0], images[:, 0, 1] = np.arange(len(right)) // 256, np.arange(len(right)) % 256
    return Told(truth, probabilities, images)


def compared(first: Told, second: Told, **judging: Any) -> Comparison:
    reports: Any = Reports({"1": first, "2": second})
    return compare_versions(reports, "1", "2", JudgingSettings(**judging))


def in_order(*counts: tuple[int, bool]) -> np.ndarray:
    return np.concatenate([np.full(count, right) for count, right in counts])


def test_every_figure_is_that_of_the_evaluation_and_its_difference_is_paired() -> None:
    random = np.random.default_rng(3)
    truth = random.integers(0, 2, 2000)
    first = version(random.random(2000) < 0.8, truth, random.uniform(0.6, 0.99, 2000))
    second = version(random.random(2000) < 0.85, truth, random.uniform(0.6, 0.99, 2000))
    found = {one.name: one for one in compared(first, second).figures}
    for side, told in (("first", first), ("second", second)):
        expected = score(told.probabilities, truth, LABELS)
        for name, one in found.items():
            assert getattr(one, side) == pytest.approx(expected[name], abs=1e-6), name
    assert found["accuracy"].second_is == "better"
    true = first.probabilities[np.arange(2000), truth], second.probabilities[np.arange(2000), truth]
    each = 2 * (1 - true[1]) ** 2 - 2 * (1 - true[0]) ** 2  # Brier's score of two classes
    reach = 1.96 * each.std() / np.sqrt(2000)
    brier = found["brier"]
    assert (brier.low, brier.high) == pytest.approx(
        (each.mean() - reach, each.mean() + reach), abs=2e-3
    )
    assert brier.second_is == "better" and brier.difference < 0, "less of it is better"


def test_a_version_beside_itself_differs_in_nothing() -> None:
    same = version(in_order((900, True), (100, False)))
    found = compared(same, same)
    assert [(one.difference, one.second_is) for one in found.figures] == [(0, "")] * 7
    assert not len(found.differing()) and found.notes == ()
    assert found.classes[0].second_is == ""


def test_a_class_that_got_better_and_one_that_got_worse_are_told_with_their_evidence() -> None:
    truth = np.repeat([0, 1], 500)
    first = version(in_order((400, True), (100, False), (400, True), (100, False)), truth)
    second = version(in_order((430, True), (70, False), (380, True), (120, False)), truth)
    cat, dog = sorted(compared(first, second).classes, key=lambda one: one.name)
    assert (cat.second_is, cat.only_first, cat.only_second) == ("better", 0, 30)
    assert dog.second_is == "worse"
    # Binomial: 20 against 0 is 2 / 2^20 by itself, the larger of two is not multiplied.
    assert dog.p_value == pytest.approx(2 / 2**20)
    assert cat.p_value == pytest.approx(2 * 2 / 2**30)
    assert cat.low < cat.difference < cat.high
    few = compared(first, second, class_images=501).classes
    assert [one.p_value for one in few] == [None, None] and few[0].second_is == ""


def test_slices_are_quarters_of_a_statistic_and_groups_of_the_project() -> None:
    first, second = version(np.ones(1000, bool)), version(in_order((750, True), (250, False)))
    found = compared(first, second, class_groups=["pets: cat, dog"])
    names = {one.name for one in found.slices}
    assert "pets" in names and len(names) == 5
    worst = found.slices[0]
    assert len(found.members[f"slice: {worst.name}"]) == worst.images
    assert worst.second_is == "worse"


def test_corruptions_are_compared_on_the_images_that_both_were_tried_on() -> None:
    whole = version(np.ones(300, bool))
    first = replace(whole, corrupted=np.zeros((1, 128), int))
    second = replace(whole, corrupted=np.r_[np.zeros(100, int), np.ones(28, int)][None])
    (noise,) = compared(first, second).corruptions
    assert (noise.name, noise.images, noise.first, noise.second) == ("noise 1", 128, 1, 100 / 128)
    assert noise.second_is == "worse"
    assert compared(whole, second).corruptions == []


def test_other_test_images_are_said_and_only_common_ones_compared() -> None:
    first, all_of = version(np.ones(600, bool)), version(in_order((500, True), (100, False)))
    turned = slice(None, 99, -1)  # 500 of the 600 images, the other way round
    second = Told(all_of.truth[turned], all_of.probabilities[turned], all_of.images[turned])
    found = compared(first, second)
    assert found.notes == (
        "judged on different test images (600 of version 1 and 500 of version 2): compared on the "
        "500 in both",
    )
    assert found.figures[0].difference == pytest.approx(-0.2)
    assert found.common.first[0] == 100 and found.common.second[0] == 499
    nothing = compared(replace(first, images=first.images + 128), second)
    assert "none of them the same" in nothing.notes[0]
    assert {one.difference for one in nothing.figures} == {None} and nothing.classes == []


def test_other_labels_are_said_and_classes_known_by_their_names() -> None:
    truth = np.repeat([0, 1], 300)
    first = version(np.ones(600, bool), truth)
    # The same answers by other numbers, a class more, and ten images that were relabelled.
    relabelled = np.r_[np.full(10, 2), truth[10:]]
    wide = np.pad(first.probabilities, ((0, 0), (0, 1)))
    second = Told(
        np.array([1, 0, 0])[relabelled], wide[:, [1, 0, 2]], first.images, ("dog", "cat", "owl")
    )
    second.truth[:10] = 0  # dogs now
    found = compared(first, second)
    assert found.notes[0] == ("compared on the 2 classes that both have: only version 2 has owl")
    assert found.notes[1] == "10 images have another label in each test set: left out"
    assert len(found.common) == 590 and found.figures[0].difference == 0


def test_a_served_file_is_not_compared_with_one_of_another_format() -> None:
    one = version(in_order((900, True), (100, False)))
    assert compared(one, one).first.served == "onnx"
    found = compared(one, replace(one, served="onnx-int8"))
    assert found.first.served == "" and "not both judged in one format" in found.notes[0]
    assert "as they were evaluated" in compared(*[replace(one, served=None)] * 2).notes[0]


def test_the_most_confident_mistake_comes_first() -> None:
    sure = np.linspace(0.6, 0.9, 10)
    first, second = version(np.ones(10, bool)), version(np.arange(10) < 5, sure=sure)
    found = compared(first, second)
    assert found.differing("first").tolist() == [9, 8, 7, 6, 5]
    assert not len(found.differing("second")) and not len(found.differing("neither"))
    assert found.differing("all", "class: cat").tolist() == [9, 8, 7, 6, 5]
    listed = found.as_dict()["only_first_right"][0]
    assert (listed["test_image"], listed["second_says"], listed["second_confidence"]) == (
        9, "dog", 0.9,
    )  # fmt: skip


def test_latencies_of_one_gate_are_taken_where_one_was_judged_against_the_other() -> None:
    one = version(np.ones(100, bool))
    figures = {"latency_ms": 2.0, "bytes": 5, "production_latency_ms": 1.0, "production_bytes": 4}
    verdict = {"against": "1", "rules": [{"rule": "served-file", "figures": figures}]}
    found = compared(one, replace(one, tables={"verdict": verdict}))
    assert [side.latency_ms for side in found.costs] == [1.0, 2.0]
    assert found.timed == "timed side by side at the gate of version 2"
    exports = {"columns": ["format", "bytes", "latency_ms"], "data": [["onnx", 7, 3.0]]}
    apart = compared(replace(one, tables={"exports": exports}), one)
    assert (apart.costs[0].bytes, apart.costs[1].bytes) == (7, None)
    assert "when it was registered" in apart.timed


def test_a_version_whose_answers_are_not_recorded_is_said() -> None:
    class Nothing(Reports):
        def predictions(self, report: VersionReport) -> None:
            return None

    reports: Any = Nothing({"1": version(np.ones(10, bool))})
    with pytest.raises(UserError, match="what version 1 answered to its test images is not"):
        compare_versions(reports, "1", "1", JudgingSettings())
