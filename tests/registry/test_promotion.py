"""Promotion, rollback and history on a real store; drawings never replace real data."""

from pathlib import Path

import pytest

from model_zoo.config import Settings, load_settings
from model_zoo.errors import UserError
from model_zoo.registry import versions as registry


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Three versions: 1 and 2 trained on real data, 3 on the sample."""
    settings = load_settings(home=tmp_path_factory.mktemp("registry"))
    registry.prepare(settings)
    client = registry.connect(settings)
    client.create_registered_model(settings.model_name)
    for source in ("official", "official", "sample"):
        client.create_model_version(
            settings.model_name, "file:///nowhere", tags={"dataset_source": source}
        )
    return settings


def test_promotion_keeps_the_previous_version_and_rollback_swaps(store: Settings) -> None:
    with pytest.raises(UserError, match="no previous version"):
        registry.rollback(store)
    registry.promote(store, "1")
    registry.promote(store, "2", "better")
    registry.promote(store, "2", "again: changes nothing")
    assert registry.find_alias(store, "production").version == "2"
    assert registry.find_alias(store, "previous").version == "1"
    registry.rollback(store)
    assert registry.find_alias(store, "production").version == "1"
    assert registry.find_alias(store, "previous").version == "2"
    assert [what for _, what in registry.history(store)] == [
        "version 1, the first: by hand",
        "version 2, from version 1: better",
        "version 1, from version 2: rollback",
    ]


def test_a_model_of_drawings_never_replaces_one_of_real_data(store: Settings) -> None:
    registry.promote(store, "1")
    with pytest.raises(UserError, match="trained on the generated sample"):
        registry.promote(store, "3")
    assert registry.find_alias(store, "production").version == "1"


def test_an_unknown_version_names_the_known_ones(store: Settings) -> None:
    with pytest.raises(UserError, match=r"no version '9' .* registered: 3, 2, 1"):
        registry.promote(store, "9")


def test_an_empty_registry_has_no_production(tmp_path: Path) -> None:
    settings = load_settings(home=tmp_path)
    registry.prepare(settings)
    assert registry.find_alias(settings, "production") is None
    assert registry.list_versions(settings) == [] and registry.history(settings) == []
