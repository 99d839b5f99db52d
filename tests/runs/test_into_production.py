"""A verdict counts for the two models that it is about; what is judged is the registered file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace

import pytest

from model_zoo.files import read_json, write_json
from model_zoo.registry import promotion
from model_zoo.registry.versions import find_alias, get_version
from model_zoo.runs.folder import Run
from model_zoo.runs.production import bring_into_production


def verdict_now(run: Run) -> dict:
    """That version 2 passed against what is in production."""
    candidate, production = get_version(run.store, "2"), find_alias(run.store, "production")
    judged = asdict(promotion.pair(candidate, production))
    facts = {"passed": True, "reasons": ["better"], "version": "2", "judged": judged}
    write_json(run.folder / "gate.json", facts)
    return facts


def no_gate(run: Run) -> dict:
    raise AssertionError("nothing to judge again")


def production_of(run: Run) -> str:
    return find_alias(run.store, "production").version


def test_an_old_run_does_not_bring_back_what_a_rollback_rejected(
    second_run: Callable[..., Run],
) -> None:
    run = second_run()
    verdict_now(run)
    for _ in range(2):  # run again it changes nothing
        assert bring_into_production(run, no_gate, print)[1:] == (True, "better")
    promotion.rollback(run.store, why="wrong on boots")
    _, promoted, why = bring_into_production(run, no_gate, print)
    assert not promoted and "rejected by a rollback" in why and production_of(run) == "1"


def test_a_verdict_about_another_production_is_not_used_but_made_anew(
    second_run: Callable[..., Run],
) -> None:
    run = second_run()
    old = verdict_now(run) | {"judged": {"candidate": "f" * 64, "production": "nothing"}}
    write_json(run.folder / "gate.json", old)
    asked = replace(run, approved_by="ann")
    _, promoted, why = bring_into_production(asked, no_gate, print)
    assert not promoted and "judged against another model" in why, "ann said yes to another one"
    verdict, promoted, _ = bring_into_production(run, verdict_now, print)
    assert promoted and production_of(run) == "2"
    assert read_json(run.folder / "gate.json")["judged"] == verdict["judged"]


@pytest.mark.parametrize("setting", ["approval", "manual"])
def test_nothing_moves_until_whoever_has_to_agree_did(
    second_run: Callable[..., Run], setting: str
) -> None:
    run = second_run(setting)
    verdict_now(run)
    _, promoted, why = bring_into_production(run, no_gate, print)
    command = {"approval": "catwalk approve 2 --by NAME", "manual": "catwalk promote 2"}[setting]
    assert not promoted and command in why and production_of(run) == "1"
    _, promoted, why = bring_into_production(replace(run, approved_by="ann"), no_gate, print)
    assert promoted is (setting == "approval")
    if promoted:
        assert why == "approved by ann; better"
        assert promotion.history(run.store)[-1][1].endswith("(by ann)")
        assert '"by": "ann"' in get_version(run.store, "2").tags["approved"]
