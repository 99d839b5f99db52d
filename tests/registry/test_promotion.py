"""Promotion, rollback and history on a real store; generated images never replace real ones."""

import pytest

from model_zoo.errors import UserError
from model_zoo.registry.client import connect
from model_zoo.registry.promotion import history, promote, rollback
from model_zoo.registry.store import Store
from model_zoo.registry.versions import find_alias, list_versions


def alias(store: Store, name: str) -> str | None:
    found = find_alias(store, name)
    return found.version if found else None


def test_promotion_keeps_the_previous_version_and_rollback_swaps(three: Store) -> None:
    with pytest.raises(UserError, match="no previous version"):
        rollback(three)
    promote(three, "1")
    promote(three, "2", "better")
    promote(three, "2", "again: changes nothing")
    assert (alias(three, "production"), alias(three, "previous")) == ("2", "1")
    rollback(three)
    assert (alias(three, "production"), alias(three, "previous")) == ("1", "2")
    assert [what for _, what in history(three)] == [
        "version 1, the first: by hand",
        "version 2, from version 1: better",
        "version 1, from version 2: rollback",
    ]


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
