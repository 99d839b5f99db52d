"""Searches in folders of their own, on a few hundred images."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from model_zoo import backbones
from model_zoo.config import Settings, load_settings
from model_zoo.data.dataset import Images
from model_zoo.data.fashion_mnist import sample
from model_zoo.data.fashion_mnist import source as fashion_mnist
from model_zoo.registry import versions as registry
from model_zoo.tuning import search


@dataclass
class Bench:
    """A place for one search."""

    settings: Settings
    folder: Path
    parent: str
    train: Images
    validation: Images

    def search(self, say: Callable[[str], None] = print) -> tuple[Any, list[dict]]:
        return search(
            self.settings,
            fashion_mnist.FASHION_MNIST,
            self.train,
            self.validation,
            self.folder,
            self.parent,
            say,
        )

    def runs(self) -> list[Any]:
        """The nested MLflow runs of this search."""
        client = registry.connect(self.settings)
        return client.search_runs(
            [registry.prepare(self.settings)], f"tags.`mlflow.parentRunId` = '{self.parent}'"
        )


@pytest.fixture(scope="session")
def few_images(small_environment: Path) -> tuple[Images, Images]:
    images, _ = fashion_mnist.load(sample.write_sample(small_environment / "cache" / "sample"))
    return images.take(np.arange(320)), images.take(np.arange(320, 480))


@pytest.fixture(scope="session")
def bench(
    settings: Settings,
    few_images: tuple[Images, Images],
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[..., Bench]:
    def make(**overrides: Any) -> Bench:
        chosen = load_settings(**overrides)
        backbones.discover(chosen.plugins_dir)
        experiment = registry.prepare(chosen)
        parent = registry.connect(chosen).create_run(experiment).info.run_id
        return Bench(chosen, tmp_path_factory.mktemp("tuning"), parent, *few_images)

    return make


@pytest.fixture(scope="session")
def finished(bench: Callable[..., Bench]) -> tuple[Bench, Any]:
    """A random search that one process led alone, and what it found."""
    one = bench(search_algorithm="random", search_trials=4, search_epochs=1)
    return one, one.search()
