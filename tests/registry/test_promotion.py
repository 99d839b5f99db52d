"""Promotion, rollback and history on a real store; generated images never replace real ones."""

import json
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from model_zoo.errors import UserError
from model_zoo.registry.client import connect
from model_zoo.registry.promotion import (
    JUDGED_AGAINST,
    JUDGED_AT,
    Judged,
    ProductionMoved,
    Rejected,
    approve,
    history,
    look_at_production,
    promote,
    rollback,
)
from model_zoo.registry.store import Store
from model_zoo.registry.versions import (
    CONTENT_TAG,
    content_of,
    find_alias,
    get_version,
    list_versions,
)


def alias(store: Store, name: str) -> str | None:
    found = find_alias(store, name)
    return found.version if found else None


def aliases(store: Store) -> dict[str, str]:
    return {name: alias(store, name) for name in ("production", "previous") if alias(store, name)}


def by_hand(store: Store, name: str, version: str) -> None:
    connect(store).set_registered_model_alias(store.model, name, version)


def test_promotion_keeps_the_previous_version_and_rollback_rejects_what_it_leaves(
    three: Store,
) -> None:
    with pytest.raises(UserError, match="no previous version"):
        rollback(three)
    assert promote(three, "1", by="ann").moved
    assert promote(three, "2", "better").replaced == "1"
    assert not promote(three, "2", "again: changes nothing").moved
    assert aliases(three) == {"production": "2", "previous": "1"}
    back = rollback(three, why="wrong on boots", by="bob")
    assert (back.version.version, back.replaced) == ("1", "2")
    assert aliases(three) == {"production": "1"}, "what was rejected is nothing to go back to"
    told = [what.partition(" (by ")[0] for _, what in history(three)]
    assert told == [
        "version 1, the first: by hand",
        "version 2, from version 1: better",
        "version 1, from version 2: rollback: wrong on boots",
    ]
    assert history(three)[0][1].endswith("(by ann)") and history(three)[2][1].endswith("(by bob)")


def test_only_force_brings_back_what_a_rollback_rejected(three: Store) -> None:
    promote(three, "1")
    verdict = Judged(content_of(get_version(three, "2")), content_of(get_version(three, "1")))
    promote(three, "2", judged=verdict)
    rollback(three, why="wrong on boots")
    with pytest.raises(Rejected, match=r"rejected by a rollback on .* wrong on boots: it stays"):
        promote(three, "2", "its old verdict", judged=verdict)
    with pytest.raises(Rejected, match="--force --reason"):
        promote(three, "2")
    by_hand(three, "production", "2")
    assert look_at_production(three)[0].version == "1", "an alias set by hand does not either"
    promote(three, "2", "boots were mislabelled", force=True)
    assert aliases(three) == {"production": "2", "previous": "1"}
    assert "rejected" not in get_version(three, "2").tags


def test_a_verdict_counts_only_for_the_two_models_that_it_is_about(three: Store) -> None:
    nothing = Judged(content_of(get_version(three, "2")), "nothing")
    promote(three, "1")
    with pytest.raises(ProductionMoved, match="judged against another model than version 1"):
        promote(three, "2", judged=nothing)
    with pytest.raises(ProductionMoved, match="version 2 is not the model that was judged"):
        promote(three, "2", judged=Judged("another", "nothing"))
    assert aliases(three) == {"production": "1"}


def test_the_same_content_is_the_same_model_whatever_its_number(three: Store) -> None:
    for version in ("1", "2"):
        connect(three).set_model_version_tag(three.model, version, CONTENT_TAG, "a" * 64)
    promote(three, "1")
    outcome = promote(three, "2")
    assert not outcome.moved and outcome.version.version == "1"
    assert "version 2 is the same model as version 1" in outcome.said[0]
    assert aliases(three) == {"production": "1"}


def test_an_approval_needs_a_verdict_that_is_passed_fresh_and_about_this_production(
    three: Store,
) -> None:
    promote(three, "1")
    with pytest.raises(UserError, match="has not passed the gate"):
        approve(three, "2", "ann", 72)
    client = connect(three)

    def judged(against: str, hours_ago: float) -> None:
        at = (datetime.now(UTC) - timedelta(hours=hours_ago)).isoformat()
        for key, value in {"gate": "passed", JUDGED_AT: at, JUDGED_AGAINST: against}.items():
            client.set_model_version_tag(three.model, "2", key, value)

    judged("version 1", 73)
    with pytest.raises(UserError, match=r"more than 72 hours ago .* production stays as it is"):
        approve(three, "2", "ann", 72)
    judged("nothing", 1)
    with pytest.raises(ProductionMoved):
        approve(three, "2", "ann", 72)
    judged("version 1", 71)
    with pytest.raises(UserError, match="--by NAME"):
        approve(three, "2", " ", 72)
    assert aliases(three) == {"production": "1"}
    assert approve(three, "2", "ann", 72, "looked at the boots").moved
    assert "approved by ann: looked at the boots" in history(three)[-1][1]
    assert json.loads(get_version(three, "2").tags["approved"])["by"] == "ann"


@pytest.mark.parametrize(
    ("name", "version", "then", "sentence"),
    [
        ("production", "2", {"production": "2", "previous": "1"}, "production was set in MLflow"),
        ("production", "3", {"production": "1"}, "is version 1 again: version 3 was trained on"),
        (
            "production",
            "4",
            {"production": "1"},
            "is version 1 again: version 4 .* another program",
        ),
        ("previous", "1", {"production": "1"}, "previous had been set to version 1"),
        ("previous", "4", {"production": "1"}, "previous had been set to version 4"),
        ("previous", "2", {"production": "1", "previous": "2"}, ""),
        ("candidate", "1", {"production": "1"}, "version 1 is no candidate any more"),
        ("candidate", "4", {"production": "1"}, "version 4 is no candidate any more"),
    ],
)
def test_an_alias_that_somebody_set_in_mlflow_is_taken_over_or_put_back(
    three: Store, name: str, version: str, then: dict[str, str], sentence: str
) -> None:
    connect(three).create_model_version(three.model, "s3://elsewhere/model")  # 4: not ours
    promote(three, "1")
    by_hand(three, name, version)
    production, said = look_at_production(three)
    assert production.version == then["production"] and aliases(three) == then
    assert len(said) == bool(sentence) and re.search(sentence, "".join(said))
    assert look_at_production(three)[1] == [], "said once, and right from then on"
    if production.version == "2":
        assert history(three)[-1][1] == "version 2, from version 1: set in MLflow by hand"


def test_production_that_was_deleted_or_taken_away_is_said_and_can_be_rolled_back(
    three: Store,
) -> None:
    client = connect(three)
    promote(three, "1")
    client.delete_registered_model_alias(three.model, "production")
    production, (said,) = look_at_production(three)
    assert production is None and "taken away or deleted in MLflow by hand" in said
    rollback(three)
    assert aliases(three) == {"production": "1"}
    promote(three, "2")
    client.delete_model_version(three.model, "2")
    assert look_at_production(three)[0] is None
    assert aliases(three) == {"previous": "1"}
    rollback(three)
    assert aliases(three) == {"production": "1"}


def test_two_homes_of_one_server_move_one_after_the_other(
    mlflow_server: str, with_versions: Callable[[Store], Store], tmp_path: Path
) -> None:
    store = with_versions(Store(tmp_path / "one", mlflow_server, "shirts", "two-homes"))
    beside = replace(store, home=tmp_path / "other")
    with ThreadPoolExecutor(4) as pool:
        moves = [
            pool.submit(promote, home, version, force=True)
            for _ in range(3)
            for home, version in ((store, "1"), (beside, "2"))
        ]
        moved = [one.result() for one in moves]
    told = [what.split(":")[0] for _, what in history(store)]
    assert len(told) == sum(one.moved for one in moved)
    for before, after in pairwise(["nothing, the first", *told]):
        assert "the first" in before or after.endswith(before.split(",")[0])
    last = told[-1].split(",")[0].removeprefix("version ")
    assert alias(store, "production") == last and alias(store, "previous") != last


def test_a_model_of_generated_images_never_replaces_one_of_real_ones(three: Store) -> None:
    promote(three, "3")
    promote(three, "1")
    with pytest.raises(UserError, match="version 3 was trained on generated images and cannot"):
        promote(three, "3")
    assert alias(three, "production") == "1"


def test_an_unknown_version_names_the_known_ones(three: Store) -> None:
    for unknown in ("9", "x", "01", "-1"):
        with pytest.raises(UserError, match=rf"no version '{unknown}' .* registered: 3, 2, 1"):
            promote(three, unknown)


def test_a_version_of_another_project_or_layout_is_one_sentence(three: Store) -> None:
    client = connect(three)
    client.set_model_version_tag(three.model, "1", "project", "men's")
    client.delete_model_version_tag(three.model, "2", "generated")
    with pytest.raises(UserError, match=r"registered by the project \"men's\", not by 'shirts'"):
        promote(three, "1")
    with pytest.raises(UserError, match=r"an older Catwalk: it lacks the tags generated"):
        promote(three, "2")
    assert alias(three, "production") is None


def test_an_empty_registry_has_no_production(empty: Store) -> None:
    assert find_alias(empty, "production") is None
    assert list_versions(empty) == [] and history(empty) == []
