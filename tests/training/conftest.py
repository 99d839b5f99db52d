"""Projects for tests of training: the session's environment, and what a test changes in it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from model_zoo.backbones import build_trunk, discover, get_backbone
from model_zoo.settings import Places, Project, load_project


@pytest.fixture(scope="session")
def chosen(places: Places) -> Callable[..., Project]:
    """A project with some values, by their dotted names, given."""
    discover(places.plugins_dir)
    return lambda **given: load_project(None, {k.replace("__", "."): v for k, v in given.items()})


@pytest.fixture(scope="session")
def weights(places: Places, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A weights file of the backbone `tiny`: what counts is that there is something to freeze."""
    discover(places.plugins_dir)
    path = tmp_path_factory.mktemp("weights") / "tiny.weights.h5"
    build_trunk(get_backbone("tiny"), 28, "none").save_weights(path)
    return str(path)
