"""The workflow from the data to production, killed and continued, refused with a sentence."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from model_zoo.config import Settings, load_settings
from model_zoo.errors import UserError
from model_zoo.files import read_json
from model_zoo.registry import versions as registry
from model_zoo.runs import runner, steps


def start(step: str, run: str, **overrides: object) -> subprocess.Popen:
    return subprocess.Popen(
        [
            *(sys.executable, "-m", "model_zoo.runs.runner", step),
            *("--run-id", run, "--settings", json.dumps(overrides)),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_the_first_run_ends_in_production(settings: Settings, first_run: dict) -> None:
    assert list(first_run) == list(steps.STEPS)
    measured = first_run["evaluate"]
    assert measured["accuracy_low"] < measured["accuracy"] < measured["accuracy_high"]
    assert measured["accuracy"] > 0.3, "ten classes: chance is 0.1"
    assert first_run["register"]["onnx_difference"] < 1e-3
    assert first_run["promote"]["promoted"]
    production = registry.find_alias(settings, "production")
    assert production is not None and production.version == first_run["register"]["version"]
    assert production.tags["gate"] == "passed"


def test_a_person_finds_everything_on_the_run(settings: Settings, first_run: dict) -> None:
    run_id = registry.find_alias(settings, "production").run_id
    client = registry.connect(settings)
    run = client.get_run(run_id)
    assert run.info.status == "FINISHED"
    assert run.data.params["backbone"] == "tiny"
    assert run.data.tags["dataset_digest"] == first_run["preprocess"]["digest"]
    assert run.data.metrics["test_accuracy"] == pytest.approx(first_run["evaluate"]["accuracy"])
    assert run.inputs.dataset_inputs[0].dataset.name == "fashion-mnist"
    names = {
        a.path
        for folder in ("data", "tuning", "evaluation")
        for a in client.list_artifacts(run_id, folder)
    }
    assert {"data/samples.png", "evaluation/confusion.png", "evaluation/curves.png"} <= names
    assert {"tuning/search.png", "tuning/trials.json"} <= names
    trials = client.search_runs([run.info.experiment_id], f"tags.`mlflow.parentRunId` = '{run_id}'")
    assert len(trials) == settings.search_trials
    assert {trial.info.status for trial in trials} == {"FINISHED"}


def test_what_a_finished_run_leaves_is_the_model_without_what_trained_it(
    settings: Settings, first_run: dict
) -> None:
    import keras

    folder = settings.run_dir("first")
    assert not (folder / "training").exists()
    assert not keras.models.load_model(folder / "model.keras").compiled


def test_running_every_step_again_changes_nothing(settings: Settings, first_run: dict) -> None:
    runner.run_all(settings, "first")
    assert (
        runner.run_step("register", settings, "first")["version"]
        == (first_run["register"]["version"])
    )
    assert len(registry.list_versions(settings)) == 1


def test_a_kill_in_train_is_continued_from_the_checkpoint(
    settings: Settings, first_run: dict
) -> None:
    many = {"epochs": 40, "early_stopping_patience": 0, "search_trials": 0}
    chosen = load_settings(**many)
    for step in ("ingest", "preprocess", "tune"):
        runner.run_step(step, chosen, "killed")
    folder = chosen.run_dir("killed")
    process = start("train", "killed", **many)
    while not (folder / "training" / "progress.json").exists():
        assert process.poll() is None, process.stdout.read()
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    reached = read_json(folder / "training" / "progress.json")["progress"]["epoch"]
    assert not (folder / "train.json").exists() and not (folder / "model.keras").exists()
    facts = runner.run_step("train", chosen, "killed")
    assert facts["resumed"] == 1
    assert facts["epochs"] == 40 and len(facts["history"]) == 40
    assert 1 <= reached < 40


def test_a_kill_in_tune_keeps_finished_trials(settings: Settings, first_run: dict) -> None:
    many = {"search_trials": 4}
    chosen = load_settings(**many)
    for step in ("ingest", "preprocess"):
        runner.run_step(step, chosen, "killed-search")
    process = start("tune", "killed-search", **many)
    for line in process.stdout:
        if line.startswith("trial 1"):  # the first is on disk by then
            break
    else:
        pytest.fail("the search ended without a second trial")
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    again = start("tune", "killed-search", **many)
    printed, _ = again.communicate()
    assert again.returncode == 0, printed
    assert "trial 0:" not in printed, "a finished trial was run again"
    assert len(read_json(chosen.run_dir("killed-search") / "tune.json")["trials"]) == 4
    client = registry.connect(chosen)
    parent = read_json(chosen.run_dir("killed-search") / "mlflow_run.json")["run_id"]
    experiment = client.get_run(parent).info.experiment_id
    runs = client.search_runs([experiment], f"tags.`mlflow.parentRunId` = '{parent}'")
    assert "RUNNING" not in {run.info.status for run in runs}
    whole = [run.data.tags["catwalk.trial"] for run in runs if run.info.status == "FINISHED"]
    assert sorted(whole) == [*"0123"], "each trial once"


def test_a_run_keeps_its_recipe(settings: Settings, first_run: dict) -> None:
    with pytest.raises(UserError, match="was started with epochs = 3, not 9"):
        runner.run_step("train", load_settings(epochs=9), "first")


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        ({"profile": "fast"}, "unknown profile 'fast': choose one of quick, standard, scratch"),
        ({"learning_rate": -1}, "learning_rate: input should be greater than 0. Received: -1"),
        ({"backbone": "tinny", "search_trials": 0}, "unknown backbone 'tinny': did you mean tiny"),
        ({"tracking_uri": "http://127.0.0.1:9"}, "MLflow at http://127.0.0.1:9 does not answer"),
    ],
)
def test_a_mistake_is_one_sentence_and_status_2(
    settings: Settings, first_run: dict, overrides: dict, sentence: str, tmp_path: Path
) -> None:
    given = {"home": str(tmp_path), "data_dir": first_run["ingest"]["folder"]} | overrides
    if first_run["ingest"]["dataset_source"] == "sample":
        given.pop("data_dir")
        (tmp_path / "cache").mkdir()
        (tmp_path / "cache" / "generated-sample").symlink_to(first_run["ingest"]["folder"])
    for step in ("ingest", "preprocess", "tune", "train"):
        process = start(step, "bad", **given)
        printed, _ = process.communicate()
        if process.returncode:
            break
    assert process.returncode == 2, printed
    assert sentence in printed.splitlines()[-1]
    assert "Traceback" not in printed
    assert not list(tmp_path.rglob(".partial-*"))


def test_a_full_disk_is_one_sentence_and_the_step_runs_again(
    settings: Settings, first_run: dict
) -> None:
    """A limit on the size of a file refuses the write as a full disk does."""
    runner.run_step("ingest", settings, "no-room")
    folder = settings.run_dir("no-room")
    process = subprocess.run(
        ["bash", "-c", 'ulimit -f 1 && exec "$0" "$@"', sys.executable,
         *("-m", "model_zoo.runs.runner", "preprocess", "--run-id", "no-room")],
        capture_output=True,
        text=True,
    )  # fmt: skip
    assert process.returncode == 2, process.stderr
    assert re.search(r"could not write .*split.npz: File too large", process.stderr)
    assert "Traceback" not in process.stderr
    assert not (folder / "split.npz").exists() and not list(folder.rglob(".partial-*"))
    runner.run_step("preprocess", settings, "no-room")
    assert (folder / "split.npz").exists()


def test_the_served_file_carries_what_a_client_needs(settings: Settings, first_run: dict) -> None:
    served = settings.run_dir("first") / "served"
    facts = read_json(served / "classifier.json")
    assert len(facts["labels"]) == len(facts["examples"]) == 10
    assert facts["image_shape"] == [28, 28]
    import onnxruntime

    session = onnxruntime.InferenceSession(served / "model.onnx")
    images = np.random.default_rng(0).integers(0, 255, (3, 28, 28), np.uint8)
    probabilities, heatmap = session.run(["probabilities", "heatmap"], {"image": images})
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)
    assert heatmap.shape == (3, 7, 7) and heatmap.min() >= 0
