"""Flat variables: typed, empty means unset, an unknown one is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from dash_app.settings import PageSettings
from launcher.settings import Containers, Placement, Ports
from model_zoo.errors import UserError
from model_zoo.settings import CHECKOUT, Environment, Places, Serving, check_variables

KINDS: tuple[type[Environment], ...] = (
    Places, Serving, PageSettings, Ports, Placement, Containers,
)  # fmt: skip


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_empty_means_unset(kind: type[Environment], monkeypatch: pytest.MonkeyPatch) -> None:
    without = kind.load()
    for name in kind.model_fields:
        monkeypatch.setenv(f"CATWALK_{name.upper()}", "")
    assert kind.load() == without


def test_an_empty_home_and_plugins_folder_are_the_default_ones(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The folder of plugins was the current one, whose files were run."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CATWALK_PLUGINS_DIR", "")
    monkeypatch.setenv("CATWALK_HOME", "")
    places = Places.load()
    assert places.plugins_dir == CHECKOUT / "plugins"
    assert places.home == tmp_path / ".catwalk"


def test_places_are_made_absolute_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("CATWALK_HOME", "~/house")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CATWALK_DATA_DIR", "data/../pictures")
    places = Places.load()
    monkeypatch.chdir("/")
    assert places.home == tmp_path / "house" and places.data_dir == tmp_path / "pictures"


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("CATWALK_PAGE_PORT", "70000", "CATWALK_PAGE_PORT: input should be less than or equal"),
        ("CATWALK_POLL_SECONDS", "inf", "CATWALK_POLL_SECONDS: input should be a finite number"),
        ("CATWALK_ALLOW_GENERATED", "perhaps", "CATWALK_ALLOW_GENERATED: input should be a valid"),
    ],
)
def test_a_value_of_another_kind_names_its_variable(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, sentence: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(UserError) as raised:
        for kind in KINDS:
            kind.load()
    assert str(raised.value).startswith(sentence)


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("CATWALK_EPOCH", "CATWALK_SEARCH__EPOCHS or CATWALK_TRAINING__EPOCHS"),
        ("CATWALK_BACKBONE", "CATWALK_MODEL__BACKBONE"),
        ("CATWALK_HOMEE", "CATWALK_HOME"),
        ("CATWALK_PAGEPORT", "CATWALK_PAGE_PORT"),
        ("CATWALK_HEAVY_GPU", "CATWALK_HEAVY_GPUS"),
    ],
)
def test_a_variable_that_nobody_reads_is_refused(
    monkeypatch: pytest.MonkeyPatch, name: str, near: str
) -> None:
    monkeypatch.setenv(name, "1")
    with pytest.raises(UserError) as raised:
        check_variables()
    assert str(raised.value) == f"{name} is not a setting of Catwalk: did you mean {near}?"


def test_what_somebody_reads_is_not_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HOME", "PROFILE", "TRAINING__EPOCHS", "API_TOKEN", "HEAVY_QUEUE", "LISTEN"):
        monkeypatch.setenv(f"CATWALK_{name}", "1")
    check_variables()


def test_a_process_that_is_started_gets_the_same_places(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    chosen = Places.load(home=tmp_path, allow_generated=True, feature_cache_gb=2.5)
    for name, value in chosen.as_variables().items():
        monkeypatch.setenv(name, value)
    assert Places.load() == chosen


def test_a_home_that_is_a_file_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "home"
    file.touch()
    monkeypatch.setenv("CATWALK_HOME", str(file))
    with pytest.raises(UserError, match=r"CATWALK_HOME.*this is a file; expected a folder"):
        Places.load()


@pytest.mark.parametrize("value", ["inf", "nan"])
def test_a_time_is_a_finite_number(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("CATWALK_POLL_SECONDS", value)
    with pytest.raises(UserError, match="CATWALK_POLL_SECONDS"):
        Serving.load()
