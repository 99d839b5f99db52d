"""Projects of sources of the tests: the file of ``colours``, and first runs that have ended."""

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
    """A project of other images than Fashion-MNIST's: its first run has ended, in its own home."""

    project: Project
    places: Places
    run: FirstRun

    @property
    def store(self) -> Store:
        return store_of(self.project, self.places)


@contextmanager
def colour_project(folder: Path, shared: Path) -> Iterator[ColourProject]:
    """The project in ``folder``; its run is made once in ``shared`` and copied."""
    with made_project("shapes", FILE, BY_THE_FILE, folder, shared) as made:
        yield made


@contextmanager
def made_project(
    name: str, text: str, by_the_file: tuple[str, ...], folder: Path, shared: Path
) -> Iterator[ColourProject]:
    """A project of this name and file, and its run.

    Args:
        by_the_file: variables of the session's environment that the file decides.
    """
    import mlflow

    file = folder / f"{name}.toml"
    file.write_text(text)
    before = mlflow.get_tracking_uri(), mlflow.get_registry_uri()
    with pytest.MonkeyPatch.context() as patch:
        for variable in by_the_file:
            patch.delenv(f"CATWALK_{variable}")
        patch.setenv("CATWALK_HOME", str(folder / "home"))
        places = Places.load()
        project = load_project(str(file), places=places)
        yield ColourProject(project, places, make_first_run(project, places, shared))
    mlflow.set_tracking_uri(before[0])
    mlflow.set_registry_uri(before[1])
