"""The same training core on JAX; what it leaves is loaded and exported by TensorFlow."""

import os
import subprocess
import sys
from collections.abc import Callable

import numpy as np
import pytest

from launcher import step_process
from model_zoo.errors import UserError
from model_zoo.files import read_json
from model_zoo.registry.client import connect
from model_zoo.registry.run_log import NOTE
from model_zoo.runs import runner
from model_zoo.runs.folder import open_run
from model_zoo.runs.images import training_and_validation
from model_zoo.settings import Places, Project


def test_a_model_that_jax_trained_is_loaded_by_tensorflow(
    chosen: Callable[..., Project], places: Places
) -> None:
    pytest.importorskip("jax")
    import keras

    given = {"training.backend": "jax", "search.trials": 0, "training.epochs": 2}
    project = chosen(**given)
    for step in ("ingest", "preprocess", "tune"):
        runner.run_step(step, project, places, "on-jax")
    said: list[str] = []
    facts = step_process.run_step("train", project, places, "on-jax", given, said.append)
    assert any(line.startswith("epoch 2/2") for line in said)
    assert facts["val_accuracy"] > 0.3, "ten classes: chance is 0.1"
    run = open_run(project, places, "on-jax")
    model = keras.models.load_model(run.folder / "model.keras")
    _, validation = training_and_validation(run)
    found = model.predict(validation.images, verbose=0).argmax(axis=1)
    assert np.mean(found == validation.labels) == pytest.approx(facts["val_accuracy"], abs=1e-3)
    logged = connect(run.store).get_run(read_json(run.folder / NOTE)["run_id"]).data
    assert logged.params["training.backend"] == "jax" and "on jax" in logged.tags["machine"]


def test_two_devices_share_a_batch() -> None:
    pytest.importorskip("jax")
    code = """
import numpy as np, keras
from model_zoo.training.devices import on_all_accelerators
with on_all_accelerators() as devices:
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    model.compile("sgd", "mse")
    model.fit(np.ones((64, 4), "float32"), np.ones((64, 2), "float32"), batch_size=16, verbose=0)
print(devices, keras.distribution.distribution())
"""
    env = os.environ | {
        "KERAS_BACKEND": "jax",
        "JAX_PLATFORMS": "cpu",
        "XLA_FLAGS": "--xla_force_host_platform_device_count=2",
    }
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    first, last = done.stdout.strip().splitlines()
    assert first == "each batch is shared by 2 devices (cpu)"
    assert last == "2 None"


def test_a_backend_that_is_not_installed_is_one_sentence(
    chosen: Callable[..., Project], places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    project = chosen(training__backend="jax")
    with pytest.raises(UserError, match=r"backend jax is not installed: pip install 'catwalk"):
        step_process.run_step("train", project, places, "no-jax", {}, print)
