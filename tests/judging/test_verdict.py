"""A verdict is what all rules found, as a table for people and a file for programs."""

import pytest
from contests import contest, outcomes, right, side

from model_zoo.errors import UserError
from model_zoo.judging.looks import Look, bound, error_of
from model_zoo.judging.rule import RULES, not_judged, register_rule
from model_zoo.judging.verdict import Verdict, judge


def test_the_first_candidate_needs_only_the_floor() -> None:
    verdict = judge(contest(right(900), floor=0.8))
    assert verdict.passed and verdict.against is None
    assert outcomes(verdict.findings)["better-or-newer"] == "not judged"


def test_one_rule_that_fails_is_enough_and_is_the_reason() -> None:
    verdict = judge(contest(right(900), right(900), floor=0.8, drift_budget=0.02))
    assert not verdict.passed
    assert len(verdict.reasons) == 1 and "not better with evidence" in verdict.reasons[0]


def test_the_table_has_a_row_a_rule_and_says_how_often_the_test_part_was_used() -> None:
    text = judge(contest(right(900), right(900), look=Look(3, 2, 1))).markdown()
    assert "### Version 2 against version 1 in production" in text
    assert "| floor | passed | accuracy 90.00%" in text
    assert "| better-or-newer | **failed** |" in text
    assert "decision 3 on this test part" in text and "a fresh one is due after 52" in text
    worn = judge(contest(right(900), right(900), look=Look(52))).markdown()
    assert "a fresh test part is due" in worn


def test_a_verdict_is_read_back_as_it_was_written() -> None:
    verdict = judge(contest(right(900), right(890)))
    assert Verdict.from_dict(verdict.as_dict()) == verdict


def test_two_runs_of_one_candidate_give_the_same_verdict() -> None:
    given = contest(side("2", right(900), confidence=0.8), right(890))
    assert judge(given) == judge(given)


def test_a_rule_of_ones_own_comes_by_the_door_of_all_plugins() -> None:
    @register_rule("never-sure")
    def never_sure(contest):
        return not_judged("it depends")

    try:
        verdict = judge(contest(right(900), rules=["never-sure"]))
        assert outcomes(verdict.findings) == {"never-sure": "not judged"}
        assert RULES.origin("floor") == "built in"
    finally:
        RULES._entries.pop("never-sure")
    with pytest.raises(UserError, match="unknown judging rule 'flor': did you mean floor"):
        judge(contest(right(900), rules=["flor"]))


def test_what_all_series_on_a_test_part_may_err_is_no_more_than_the_error() -> None:
    assert sum(error_of(series, 0.05) for series in range(1, 2000)) < 0.05
    # Between one try alone, 1.645, and Bonferroni over 52, 3.10.
    assert bound(0.05) == pytest.approx(2.05, abs=0.01)
