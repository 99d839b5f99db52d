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
from first_run import FirstRun

from model_zoo.errors import AWAY_STATUS, UserError
from model_zoo.files import read_json
from model_zoo.processor import ONEDNN
from model_zoo.registry.client import connect
from model_zoo.registry.store import Store
from model_zoo.registry.versions import find_alias, list_versions
from model_zoo.runs import runner, steps
from model_zoo.runs.folder import run_folder
from model_zoo.settings import Places, Project, load_project


def start(
    step: str, run: str, given: dict[str, object] | None = None, **variables: str
) -> subprocess.Popen:
    return subprocess.Popen(
        [
            *(sys.executable, "-m", "model_zoo.runs.runner", step),
            *("--run", run, "--set", json.dumps(given or {})),
        ],
        env=os.environ | variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_the_first_run_ends_in_production(store: Store, first_run: FirstRun) -> None:
    assert list(first_run.facts) == list(steps.STEPS)
    measured = first_run.facts["evaluate"]
    assert measured["accuracy_low"] < measured["accuracy"] < measured["accuracy_high"]
    assert measured["accuracy"] > 0.3, "ten classes: chance is 0.1"
    assert first_run.facts["register"]["onnx_difference"] < 1e-3
    assert first_run.facts["promote"]["promoted"]
    production = find_alias(store, "production")
    assert production is not None and production.version == first_run.facts["register"]["version"]
    assert production.tags["gate"] == "passed"


def test_a_person_finds_everything_on_the_run(
    project: Project, store: Store, first_run: FirstRun
) -> None:
    run_id = find_alias(store, "production").run_id
    client = connect(store)
    run = client.get_run(run_id)
    assert run.info.status == "FINISHED"
    assert run.data.params["model.backbone"] == "tiny"
    assert "training.augmentation.zoom" not in run.data.params, "what is off is no noise"
    assert run.data.tags["dataset_digest"] == first_run.facts["ingest"]["dataset"]
    assert run.data.metrics["test_accuracy"] == pytest.approx(
        first_run.facts["evaluate"]["accuracy"]
    )
    switch = "off" if os.environ.get(ONEDNN, "0") == "0" else "on"
    assert f"on tensorflow, oneDNN {switch}" in run.data.tags["machine"]
    assert {(one.dataset.name, one.tags[0].value) for one in run.inputs.dataset_inputs} == {
        (f"fashion-mnist {part}", part) for part in ("training", "validation", "test")
    }
    names = {
        a.path
        for folder in ("data", "health", "tuning", "evaluation")
        for a in client.list_artifacts(run_id, folder)
    }
    assert {"data/samples.png", "evaluation/confusion.png", "evaluation/curves.png"} <= names
    assert {"tuning/search.png", "tuning/trials.json"} <= names
    assert {"health/page.html", "health/findings.csv"} <= names
    trials = client.search_runs([run.info.experiment_id], f"tags.`mlflow.parentRunId` = '{run_id}'")
    assert len(trials) == project.search.trials
    assert {trial.info.status for trial in trials} == {"FINISHED"}


def test_what_a_finished_run_leaves_is_the_model_without_what_trained_it(
    first_run: FirstRun,
) -> None:
    import keras

    folder = first_run.folder
    assert not (folder / "training").exists()
    assert not keras.models.load_model(folder / "model.keras").compiled


def test_running_every_step_again_changes_nothing(
    project: Project, places: Places, store: Store, first_run: FirstRun
) -> None:
    runner.run_all(project, places, "first")
    again = runner.run_step("register", project, places, "first")
    assert again["version"] == first_run.facts["register"]["version"]
    assert len(list_versions(store)) == 1


def test_a_rule_of_the_images_health_stops_the_run_with_its_page_written(
    places: Places, first_run: FirstRun
) -> None:
    strict = load_project(given={"health.leaks": "stop"})
    for step in ("ingest", "preprocess"):
        runner.run_step(step, strict, places, "stopped")
    words = r"test and validation images look all but .* health.leaks to warn or off"
    with pytest.raises(UserError, match=words):
        runner.run_step("health", strict, places, "stopped")
    folder = run_folder(places, strict.name, "stopped")
    assert "Leaks between parts: " in (folder / "health" / "page.html").read_text()
    assert not (folder / "health.json").exists()
    mild = load_project(given={"health.leaks": "warn"})  # no other model, so no other run
    facts = runner.run_step("health", mild, places, "stopped")
    assert facts["found"] == first_run.facts["health"]["found"]
    assert len(facts["warnings"]) == 1


@pytest.mark.fault(
    "train is killed",
    saw="the next try goes on from the checkpoint",
    lost="epochs since the checkpoint: they are trained again",
)
def test_a_kill_in_train_is_continued_from_the_checkpoint(
    places: Places, first_run: FirstRun
) -> None:
    many = {"training.epochs": 15, "training.early_stopping_patience": 0, "search.trials": 0}
    chosen = load_project(given=many)
    for step in ("ingest", "preprocess", "tune"):
        runner.run_step(step, chosen, places, "killed")
    folder = run_folder(places, chosen.name, "killed")
    process = start("train", "killed", many)
    while not (folder / "training" / "progress.json").exists():
        assert process.poll() is None, process.stdout.read()
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    reached = read_json(folder / "training" / "progress.json")["progress"]["epoch"]
    assert not (folder / "train.json").exists() and not (folder / "model.keras").exists()
    facts = runner.run_step("train", chosen, places, "killed")
    assert facts["resumed"] == 1
    assert facts["epochs"] == 15 and len(facts["history"]) == 15
    assert 1 <= reached < 15


@pytest.mark.fault(
    "tune is killed", saw="finished trials are not run again", lost="the trial under way"
)
def test_a_kill_in_tune_keeps_finished_trials(
    places: Places, store: Store, first_run: FirstRun, capsys: pytest.CaptureFixture[str]
) -> None:
    many = {"search.trials": 4}
    chosen = load_project(given=many)
    folder = run_folder(places, chosen.name, "killed-search")
    for step in ("ingest", "preprocess"):
        runner.run_step(step, chosen, places, "killed-search")
    process = start("tune", "killed-search", many)
    for line in process.stdout:
        if line.startswith("trial 1"):  # the first is on disk by then
            break
    else:
        pytest.fail("the search ended without a second trial")
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    capsys.readouterr()
    runner.run_step("tune", chosen, places, "killed-search")
    assert "trial 0:" not in capsys.readouterr().out, "a finished trial was run again"
    assert len(read_json(folder / "tune.json")["trials"]) == 4
    client = connect(store)
    parent = read_json(folder / "mlflow_run.json")["run_id"]
    experiment = client.get_run(parent).info.experiment_id
    runs = client.search_runs([experiment], f"tags.`mlflow.parentRunId` = '{parent}'")
    assert "RUNNING" not in {run.info.status for run in runs}
    whole = [run.data.tags["catwalk.trial"] for run in runs if run.info.status == "FINISHED"]
    assert sorted(whole) == [*"0123"], "each trial once"


def test_a_run_keeps_its_recipe(places: Places, first_run: FirstRun) -> None:
    with pytest.raises(UserError, match=r"was started with training\.epochs = 3, not 9"):
        runner.run_step("train", load_project(given={"training.epochs": 9}), places, "first")


def test_what_does_not_decide_the_model_blocks_no_continuation(
    places: Places, first_run: FirstRun
) -> None:
    other = places.model_copy(update={"allow_generated": False, "feature_cache_gb": 1.0})
    judged = load_project(given={"judging.margin": 0.1, "export.formats": "none"})
    assert runner.run_step("preprocess", judged, other, "first")["training"]


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (
            {"profile": "fast"},
            "unknown profile 'fast': choose one of notebook, photographs,",
        ),
        (
            {"training.learning_rate": -1},
            "setting training.learning_rate: input should be greater than 0. Received: -1",
        ),
        ({"training.epoch": 3}, "unknown setting training.epoch: did you mean training.epochs?"),
        ({"model.backbone": "tinny"}, "unknown backbone 'tinny': did you mean tiny"),
        ({"model.weights": "/no/such.h5"}, "weights '/no/such.h5': expected imagenet, none or"),
        ({"data.source": "drawing"}, "unknown source of images 'drawing': did you mean drawings"),
    ],
)
def test_a_mistake_is_one_sentence_and_status_2_before_the_first_step(
    small_environment: Path,
    given: dict,
    sentence: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("CATWALK_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(signal, "signal", lambda *_: None)  # this process keeps its own answer
    assert runner.main(["ingest", "--run", "bad", "--set", json.dumps(given)]) == 2
    printed = capsys.readouterr().err
    assert sentence in printed.splitlines()[-1]
    assert "Traceback" not in printed
    assert not list(tmp_path.rglob("*.json")), "nothing was written"


@pytest.mark.fault(
    "MLflow is away at the start of a step", saw="one sentence, exit status 75", lost="nothing"
)
def test_mlflow_away_is_one_sentence(small_environment: Path, tmp_path: Path) -> None:
    away = {"CATWALK_HOME": str(tmp_path), "CATWALK_TRACKING_URI": "http://127.0.0.1:9"}
    process = start("ingest", "away", **away)
    printed, _ = process.communicate(timeout=120)
    assert process.returncode == AWAY_STATUS, printed
    assert "MLflow at http://127.0.0.1:9 does not answer" in printed.splitlines()[-1]
    assert "Traceback" not in printed and not list(tmp_path.rglob(".partial-*"))


@pytest.mark.fault(
    "the disk is full in preprocess", saw="one sentence; the step runs again", lost="nothing"
)
def test_a_full_disk_is_one_sentence_and_the_step_runs_again(
    project: Project, places: Places, first_run: FirstRun
) -> None:
    """A limit on the size of a file refuses the write as a full disk does."""
    runner.run_step("ingest", project, places, "no-room")
    folder = run_folder(places, project.name, "no-room")
    process = subprocess.run(
        ["bash", "-c", 'ulimit -f 1 && exec "$0" "$@"', sys.executable,
         *("-m", "model_zoo.runs.runner", "preprocess", "--run", "no-room")],
        capture_output=True,
        text=True,
    )  # fmt: skip
    assert process.returncode == 2, process.stderr
    assert re.search(r"could not write .*split.npz: File too large", process.stderr)
    assert "Traceback" not in process.stderr
    assert not (folder / "split.npz").exists() and not list(folder.rglob(".partial-*"))
    runner.run_step("preprocess", project, places, "no-room")
    assert (folder / "split.npz").exists()


def test_the_served_file_carries_what_a_client_needs(first_run: FirstRun) -> None:
    served = first_run.folder / "served"
    facts = read_json(served / "classifier.json")
    assert len(facts["labels"]) == len(facts["examples"]) == 10
    assert facts["image_shape"] == [28, 28, 1]
    assert facts["preparation"] and facts["generated"] is True
    import onnxruntime

    session = onnxruntime.InferenceSession(served / "model.onnx")
    images = np.random.default_rng(0).integers(0, 255, (3, 28, 28), np.uint8)
    probabilities, heatmap = session.run(["probabilities", "heatmap"], {"image": images})
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)
    assert heatmap.shape == (3, 7, 7) and heatmap.min() >= 0
