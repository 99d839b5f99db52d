"""Searches in folders of their own, on a few hundred images."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from remembering import Remembering

from model_zoo.backbones import discover
from model_zoo.data.dataset import Images
from model_zoo.data.fashion_mnist.description import DATASET
from model_zoo.data.fashion_mnist.sample import draw_sample
from model_zoo.registry.client import connect
from model_zoo.registry.experiment import ensure_experiment
from model_zoo.registry.store import Store, store_of
from model_zoo.settings import Places, Project, load_project
from model_zoo.training.features import FeatureFiles
from model_zoo.tuning import run_share, search
from model_zoo.tuning.examples import write_examples
from model_zoo.tuning.trial import run_trial
from model_zoo.tuning.trial_process import TrialProcess


@dataclass
class Bench:
    """A place for one search."""

    project: Project
    places: Places
    folder: Path
    parent: str
    train: Images
    validation: Images
    said: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.told = Remembering(self.said.append, self.folder / "reports" / "main.json")

    @property
    def store(self) -> Store:
        return store_of(self.project, self.places)

    def search(self) -> tuple[Any, list[dict[str, Any]]]:
        return search(
            self.project, self.places, DATASET, self.train, self.validation, self.folder,
            self.parent, self.told,
        )  # fmt: skip

    def share(self, number: int, of: int) -> int:
        """Run a share, where the step of a workflow leaves it."""
        return run_share(
            self.project, self.places, DATASET, self.train, self.validation,
            self.folder / f"share-{number}", number, of, self.said.append,
        )  # fmt: skip

    def write_examples(self, features: FeatureFiles | None = None) -> None:
        write_examples(
            self.project, self.places, DATASET, self.train, self.validation, self.folder,
            features=features,
        )  # fmt: skip

    def run_trial(self, trial: str, values: dict[str, Any]) -> None:
        run_trial(self.project, DATASET, self.folder, trial, values, "process 1", self.told)

    def process(self) -> TrialProcess:
        return TrialProcess(self.project, self.places, DATASET, self.folder, "process 1")

    def runs(self) -> list[Any]:
        """The nested MLflow runs of this search."""
        return list(
            connect(self.store).search_runs(
                [ensure_experiment(self.store)], f"tags.`mlflow.parentRunId` = '{self.parent}'"
            )
        )


@pytest.fixture(scope="session")
def few_images() -> tuple[Images, Images]:
    images, test = draw_sample()
    return images.take(np.arange(320)), test.take(np.arange(160))


@pytest.fixture(scope="session")
def bench(
    places: Places, few_images: tuple[Images, Images], tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., Bench]:
    """Makes a place for a search; values of project and places by their names, ``.`` as ``__``."""
    discover(places.plugins_dir)

    def make(**given: Any) -> Bench:
        elsewhere = {k: given.pop(k) for k in list(given) if k in Places.model_fields}
        project = load_project(None, {k.replace("__", "."): v for k, v in given.items()})
        store = store_of(project, places)
        parent = connect(store).create_run(ensure_experiment(store)).info.run_id
        here = places.model_copy(update=elsewhere)
        return Bench(project, here, tmp_path_factory.mktemp("tuning"), parent, *few_images)

    return make


RANDOM = {"search__algorithm": "random", "search__trials": 4, "search__epochs": 1}


@pytest.fixture(scope="session")
def finished(bench: Callable[..., Bench]) -> tuple[Bench, Any]:
    """A random search that one process led alone, and what it found."""
    one = bench(**RANDOM, trial_processes=1)
    return one, one.search()
