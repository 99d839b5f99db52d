"""A registry of one's own with two versions of the first run's files."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from model_zoo.data import store as data_store
from model_zoo.plugin_registry import discover
from model_zoo.predictor import ProductionPredictor, ServedClassifier, load_classifier
from model_zoo.registry.client import connect
from model_zoo.registry.promotion import promote
from model_zoo.registry.store import Store, store_of
from model_zoo.registry.versions import CONTENT_TAG
from model_zoo.settings import Places, Project, Serving

if TYPE_CHECKING:
    from tests.conftest import FirstRun


@dataclass(frozen=True)
class Home:
    """Where the two versions lie, and short forms of what the tests do with them."""

    places: Places
    store: Store

    def load(self, reference: str = "production", **serving: Any) -> ServedClassifier:
        served = Serving.load(**serving)
        return load_classifier(self.store, served, self.places.cache_dir, reference)

    def predictor(self, **serving: Any) -> ProductionPredictor:
        return ProductionPredictor(self.store, Serving.load(**serving), self.places.cache_dir)

    @property
    def cached(self) -> Path:
        return self.places.cache_dir / "versions" / self.store.model


@pytest.fixture(autouse=True, scope="session")
def plugins(places: Places) -> None:
    """Whoever starts a process does this: versions name the preparation steps they need."""
    discover(places.plugins_dir)


@pytest.fixture(scope="module")
def images(places: Places, first_run: FirstRun) -> np.ndarray:
    snapshot = first_run.facts["ingest"]["dataset"]
    return np.array(data_store.load(places.datasets_dir, snapshot, "test").images[:64])


@pytest.fixture
def home(
    project: Project, places: Places, first_run: FirstRun, another_store: None, tmp_path: Path
) -> Home:
    """The first version twice, the first of the two in production."""
    import mlflow

    folder = tmp_path / "home"
    left_out = shutil.ignore_patterns("runs", "versions", "datasets", "features")
    shutil.copytree(places.home, folder, ignore=left_out)
    here = places.model_copy(update={"home": folder})
    store = store_of(project, here)
    client = connect(store)
    mlflow.set_tracking_uri(store.uri)  # where MLflow looks up what a version is made of
    first = client.get_model_version(store.model, "1")
    another = first.tags | {CONTENT_TAG: "f" * 64}  # else it would be the same model
    again = client.create_model_version(
        store.model, first.source, run_id=first.run_id, model_id=first.model_id, tags=another
    )
    assert str(again.version) == "2"
    promote(store, "1")
    return Home(here, store)
