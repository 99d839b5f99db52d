"""A folder of projects of its own, and an environment without a variable of Catwalk's."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from model_zoo.settings import Places


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in tuple(os.environ):
        if name.startswith("CATWALK_"):
            monkeypatch.delenv(name)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    projects = tmp_path / "projects"
    projects.mkdir()
    monkeypatch.setenv("CATWALK_PROJECTS_DIR", str(projects))
    monkeypatch.setenv("CATWALK_PROJECT", "shop")
    return projects


@pytest.fixture
def write(folder: Path) -> Callable[..., Path]:
    """Writes a project file, or a profile or recipe of the user's own."""

    def file(content: str, name: str = "shop") -> Path:
        path = folder / f"{name}.toml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(content)
        return path

    return file


@pytest.fixture
def here(folder: Path) -> Places:
    return Places.load()
