"""What the first run registered, fetched once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from model_zoo.data import store as data_store
from model_zoo.data.dataset import Dataset
from model_zoo.export.check import COMPARED, Expected
from model_zoo.registry.served_files import fetch_served_files
from model_zoo.registry.store import Store
from model_zoo.settings import Places

if TYPE_CHECKING:
    from tests.conftest import FirstRun


@pytest.fixture(scope="session")
def dataset(places: Places, first_run: FirstRun) -> Dataset:
    return data_store.describe(places.datasets_dir, first_run.facts["ingest"]["dataset"])


@pytest.fixture(scope="session")
def fetched(store: Store, first_run: FirstRun, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All files of the first version, as they lie in the registry."""
    folder = tmp_path_factory.mktemp("fetched")
    registered = first_run.facts["register"]
    names = ("classifier.json", *(row["file"] for row in registered["formats"]))
    fetch_served_files(store, registered["version"], folder, names)
    return folder


@pytest.fixture(scope="session")
def expected(places: Places, dataset: Dataset, first_run: FirstRun) -> Expected:
    import keras

    test = data_store.load(places.datasets_dir, dataset.snapshot, "test")
    model = keras.models.load_model(first_run.folder / "model.keras")
    probabilities = model.predict(test.images[:COMPARED], verbose=0)
    with np.load(first_run.folder / "test_predictions.npz") as stored:
        return Expected(test, probabilities, stored["predicted"])
