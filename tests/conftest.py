"""Real parts, small data: the generated sample, a backbone of two convolutions, SQLite."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from model_zoo.config import Settings, load_settings

SMALL = {
    "PLUGINS_DIR": str(Path(__file__).parent / "plugins"),
    "ALLOW_SAMPLE": "1",
    "BACKBONE": "tiny",
    "IMAGE_SIZE": "28",
    "WEIGHTS": "none",
    "BATCH_SIZE": "32",
    "TRAIN_LIMIT": "1500",
    "SEARCH_LIMIT": "320",
    "SEARCH_TRIALS": "2",
    "EPOCHS": "3",
    "LEARNING_RATE": "0.003",
    "PRECISION": "float32",  # a trial of both takes longer than the training
    "GATE_FLOOR": "0.3",
    "GATE_MARGIN": "0.2",
    "INT8_ACCURACY_LOSS": "0.02",
    "ONNX_INT8_ACCURACY_LOSS": "0.02",
}


@pytest.fixture(scope="session")
def small_environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The process's environment for the session: everything small, under a home of its own."""
    home = tmp_path_factory.mktemp("home")
    # The sample stands in through the data folder's absence: no test asks the network.
    from model_zoo.data.fashion_mnist.sample import write_sample

    write_sample(home / "cache" / "generated-sample")
    values = {f"CATWALK_{name}": value for name, value in SMALL.items()}
    values |= {"CATWALK_HOME": str(home), "TF_CPP_MIN_LOG_LEVEL": "3"}
    if "CATWALK_DATA_DIR" in os.environ:
        values["CATWALK_DATA_DIR"] = os.environ["CATWALK_DATA_DIR"]
    with pytest.MonkeyPatch.context() as patch:
        for name, value in values.items():
            patch.setenv(name, value)
        yield home


@pytest.fixture(scope="session")
def settings(small_environment: Path) -> Settings:
    return load_settings()


@pytest.fixture(scope="session")
def first_run(settings: Settings) -> dict[str, dict]:
    """One whole workflow run; the facts of every step."""
    from model_zoo.runs.runner import run_all

    facts: dict[str, dict] = {}
    run_all(settings, "first", facts.__setitem__)
    return facts


@pytest.fixture
def another_store() -> Iterator[None]:
    """For tests with a store of their own: MLflow's process-wide URIs are put back after them.

    A step that logs moves them, and `models:/...` sources are looked up by them.
    """
    import mlflow

    tracking, versions = mlflow.get_tracking_uri(), mlflow.get_registry_uri()
    yield
    mlflow.set_tracking_uri(tracking)
    mlflow.set_registry_uri(versions)
