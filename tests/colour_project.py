"""The project of the source ``colours``: its file, and a first run of it that has ended."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from first_run import FirstRun, make_first_run

from model_zoo.registry.store import Store, store_of
from model_zoo.settings import Places, Project, load_project

FILE = """recipe = "short"
schedule = "never"

[data]
source = "colours"

[search]
trials = 1
limit = 100

[training]
epochs = 3

[judging]
floor = 0.5

[export]
formats = ["onnx-int8"]
"""
BY_THE_FILE = ("DATA__SOURCE", "SEARCH__TRIALS", "SEARCH__LIMIT", "TRAINING__EPOCHS",
               "JUDGING__FLOOR", "EXPORT__FORMATS")  # fmt: skip


@dataclass(frozen=True)
class ColourProject:
    """A project of colour images whose first run has ended, in a home of its own."""

    project: Project
    places: Places
    run: FirstRun

    @property
    def store(self) -> Store:
        return store_of(self.project, self.places)


@contextmanager
def colour_project(folder: Path, shared: Path) -> Iterator[ColourProject]:
    """The project in ``folder``; its run is made once in ``shared`` and copied."""
    import mlflow

    file = folder / "shapes.toml"
    file.write_text(FILE)
    before = mlflow.get_tracking_uri(), mlflow.get_registry_uri()
    with pytest.MonkeyPatch.context() as patch:
        for name in BY_THE_FILE:
            patch.delenv(f"CATWALK_{name}")
        patch.setenv("CATWALK_HOME", str(folder / "home"))
        places = Places.load()
        project = load_project(str(file), places=places)
        yield ColourProject(project, places, make_first_run(project, places, shared))
    mlflow.set_tracking_uri(before[0])
    mlflow.set_registry_uri(before[1])
