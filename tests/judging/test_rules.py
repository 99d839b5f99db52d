"""Each rule on numbers that a person can work out, with a sentence to read."""

import numpy as np
import pytest
from contests import contest, right, side, table

from model_zoo.judging.contest import ServedFile
from model_zoo.judging.looks import Look
from model_zoo.judging.rule import RULES


def ask(rule: str, *given, **more):
    return RULES.get(rule)(contest(*given, **more))


def test_the_floor_is_the_least_that_is_of_use() -> None:
    assert ask("floor", right(840), floor=0.835).outcome == "passed"
    found = ask("floor", right(830), floor=0.835)
    assert found.outcome == "failed" and "83.00% is below the floor 83.50%" in found.sentence


@pytest.mark.parametrize(("margin", "outcome"), [(0.015, "failed"), (0.02, "passed")])
def test_not_worse_goes_by_the_lower_bound(margin: float, outcome: str) -> None:
    # One point down on 1000 images where 10 disagree: at most 1.67 worse with 95 % confidence.
    found = ask("not-worse", right(890), right(900), margin=margin)
    assert found.outcome == outcome
    assert "1.00% worse than production (90.00%) on the same 1,000 images" in found.sentence
    assert found.figures["lower_bound"] == pytest.approx(-0.0166, abs=2e-4)


def test_equal_figures_are_not_enough_where_so_few_images_hide_a_loss() -> None:
    found = ask("not-worse", *table(60, 20, 20, 0), margin=0.05)
    assert found.outcome == "failed" and "0.00% better" in found.sentence
    # sqrt(40) / 100 = 6.3 points, 1.64 + 0.52 times.
    assert "an equal candidate passes 70 % of tries with a margin of 13.7%" in found.sentence


def test_better_needs_evidence_and_a_tie_has_none() -> None:
    assert ask("better", right(900), right(900)).outcome == "failed"
    # 40 against 20: z = 20 / sqrt(60) = 2.58, and the first series must reach 2.31.
    assert ask("better", *table(900, 40, 20, 40)).outcome == "passed"
    found = ask("better", *table(900, 38, 22, 40))
    assert found.outcome == "failed" and "2.07 standard errors from none, 2.3" in found.sentence


def test_the_third_recipe_on_a_test_part_needs_more_evidence_than_the_first() -> None:
    assert ask("better", *table(900, 40, 20, 40), look=Look(3, series=3)).outcome == "failed"


def test_tries_of_one_recipe_add_up() -> None:
    candidate, production = table(900, 38, 22, 40)
    before = production.astype(int) + table(900, 40, 24, 36)[0]
    look = Look(3, tries=3, earlier_right=before)
    found = ask("better", candidate, production, look=look)
    assert found.figures["tries"] == 3
    # Production is right on 922 of 1000, the three on 922, 940 and 938.
    assert found.figures["series_difference"] == pytest.approx((0 + 18 + 16) / 3 / 1000)


def test_a_series_that_is_better_does_not_carry_a_candidate_that_is_not() -> None:
    production = right(900)
    many = Look(9, tries=9, earlier_right=8 * right(960).astype(int))
    assert ask("better", right(899), production, look=many).outcome == "failed"
    assert ask("better", right(901), production, look=many).outcome == "passed"


def test_on_the_same_images_a_candidate_must_be_better_on_newer_ones_not_worse() -> None:
    given = {"margin": 0.02}
    same = ask("better-or-newer", right(900), right(900), **given)
    assert same.outcome == "failed" and same.sentence.startswith("on the images of production")
    newer = ask("better-or-newer", side("2", right(900), snapshot="new"), right(900), **given)
    assert newer.outcome == "passed" and newer.figures["new_images"] == "not judged"


def test_on_newer_images_a_candidate_that_fell_on_those_that_are_new_fails() -> None:
    ours, theirs = right(900), right(900)
    newest = np.arange(1000) >= 850  # of these production is right about 50
    candidate = np.where(newest, False, ours) | (np.arange(1000) >= 985)
    given = {"margin": 0.06, "new": newest}

    def asked(correct, **more):
        return ask("better-or-newer", side("2", correct, snapshot="new"), theirs, **(given | more))

    fell = asked(candidate)
    assert fell.outcome == "failed" and "150 test images that are new 10.0%" in fell.sentence
    assert "it fell there" in fell.sentence and fell.figures["new_images"] == "failed"
    equal = asked(ours)
    assert equal.outcome == "passed" and "no evidence that it fell there" in equal.sentence
    few = asked(ours, new=np.arange(1000) >= 990)
    assert few.outcome == "passed" and "10 test images that are new: not judged" in few.sentence


def test_a_class_that_falls_is_seen_behind_a_better_mean() -> None:
    # Two classes of 500: one up by 180, the other's recall from 0.81 to 0.49.
    truth = np.repeat([0, 1], 500)
    candidate = np.r_[right(490, 500), right(245, 500)]
    production = np.r_[right(310, 500), right(405, 500)]
    found = ask("no-class-falls", candidate, production, truth=truth)
    assert found.outcome == "failed" and "dog from 81.0% to 49.0%" in found.sentence
    assert candidate.mean() > production.mean()


def test_a_class_with_few_images_is_not_judged_and_named() -> None:
    truth = np.r_[np.zeros(980, int), np.ones(20, int)]
    candidate, production = right(980), right(1000)
    found = ask("no-class-falls", candidate, production, truth=truth)
    assert found.outcome == "passed"
    assert "not judged with fewer than 30 images: dog" in found.sentence
    few = ask("no-class-falls", right(9, 10), right(9, 10))
    assert few.outcome == "not judged"


def test_a_slice_that_falls_is_named_by_its_column() -> None:
    brightness = np.arange(1000.0)  # the brightest quarter is lost
    columns = {"brightness": brightness}
    given = {"columns": columns, "slices": ["brightness"]}
    found = ask("slices", right(750), right(1000), **given)
    assert found.outcome == "failed"
    assert "brightness: highest quarter from 100.0% to 0.0%" in found.sentence
    groups = {"class-group": np.array(["pets", ""]).repeat(500)}
    one = ask("slices", right(900), right(900), columns=groups, slices="class-group")
    assert [row["name"] for row in one.figures["parts"]] == ["class-group: pets"]


def test_confidence_that_means_less_than_production_s_fails() -> None:
    # Right on 90 %: sure by 0.9 is calibrated, by 0.99 is 9 points off.
    production = side("1", right(900), confidence=0.9)
    found = ask("calibration", side("2", right(900), confidence=0.99), production)
    assert found.outcome == "failed"
    assert "calibration error 9.00%, of production 0.00%" in found.sentence
    assert (
        ask("calibration", side("2", right(900), confidence=0.91), production).outcome == "passed"
    )


def test_a_candidate_that_a_corruption_blinds_fails() -> None:
    def fooled_by_light(images: np.ndarray) -> np.ndarray:
        return (images.mean(axis=(1, 2)) > 30).astype(int)

    def steady(images: np.ndarray) -> np.ndarray:
        return np.zeros(len(images), int)

    production = side("1", right(1000), answer=steady)
    found = ask("robustness", side("2", right(1000), answer=fooled_by_light), production)
    assert found.outcome == "failed" and "brightness 2 from 100.0% to 0.0%" in found.sentence
    assert "jpeg" not in found.sentence
    assert ask("robustness", side("2", right(1000), answer=steady), production).outcome == "passed"
    assert ask("robustness", right(1000), right(1000)).outcome == "not judged"


@pytest.mark.parametrize(
    ("file", "words"),
    [
        (ServedFile("model.onnx", 1_000_000, 4.0), "4.0 times as slow, 3 allowed"),
        (ServedFile("model.onnx", 5_000_000, 1.0), "5.0 times as large, 3 allowed"),
    ],
)
def test_a_file_that_is_much_slower_or_larger_fails(file: ServedFile, words: str) -> None:
    found = ask("served-file", side("2", right(900), file=file), right(900))
    assert found.outcome == "failed" and words in found.sentence
    assert ask("served-file", right(900), right(900)).outcome == "passed"


def test_small_losses_may_not_add_up_to_more_than_the_budget() -> None:
    anchor = side("1", right(9000, 10_000))
    for lost, outcome in ((60, "passed"), (70, "failed")):
        given = side("3", right(9000 - lost, 10_000)), side("2", right(9000 - lost, 10_000))
        found = ask("drift", *given, anchor=anchor)
        assert found.outcome == outcome, found.sentence
        assert "against version 1, the best that was in production" in found.sentence


def test_generated_images_never_replace_real_ones_but_give_way_to_them() -> None:
    real, made = side("1", right(100)), side("1", right(900), generated=True)
    never = ask("real-over-generated", side("2", right(1000), generated=True), real)
    assert never.outcome == "failed"
    assert ask("real-over-generated", side("2", right(100)), made).outcome == "passed"
    assert ask("not-worse", side("2", right(100)), made).outcome == "not judged"


def test_other_classes_are_compared_on_the_common_ones_by_name() -> None:
    truth = np.repeat([0, 1, 2], 100)
    ours = side("2", np.ones(300, bool), truth, labels=("cat", "dog", "owl"))
    # The same answers under other numbers; it has never heard of owls.
    theirs = side("1", np.ones(300, bool), np.repeat([1, 0, 0], 100), labels=("dog", "cat"))
    given = contest(ours, theirs, truth=truth)
    pair = given.pair(theirs)
    assert pair.classes == ("cat", "dog") and len(pair.members) == 200
    assert pair.candidate.all() and pair.other.all()
    assert given.unlike == "compared on the 2 classes that both have (new: owl)"


def test_a_production_that_knows_none_of_the_classes_is_not_replaced_by_itself() -> None:
    theirs = side("1", right(900), labels=("owl", "fox"))
    found = ask("better-or-newer", right(900), theirs)
    assert found.outcome == "failed" and "has no class in common" in found.sentence


def test_where_production_cannot_be_asked_nobody_can_tell_and_it_fails() -> None:
    found = ask("better-or-newer", right(900), unanswered="version 1 is gone")
    assert found.outcome == "failed" and found.sentence == "version 1 is gone"


def test_without_production_only_the_floor_is_judged() -> None:
    names = set(RULES.names()) - {"floor"}
    assert {ask(name, right(900), slices="brightness").outcome for name in names} == {"not judged"}
