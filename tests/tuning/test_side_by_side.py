"""Trials side by side, and shares of a random search: the same best trial however it is divided."""

import json
import os
import shutil
import signal
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from model_zoo.errors import UserError
from model_zoo.files import read_json
from model_zoo.registry.client import connect
from model_zoo.registry.run_log import NOTE
from model_zoo.runs import runner
from model_zoo.runs.folder import open_run
from model_zoo.settings import Places, load_project
from model_zoo.tuning import devices, leader
from model_zoo.tuning.devices import trial_devices, visible_gpus
from model_zoo.tuning.framework_process import begin, framework_context
from model_zoo.tuning.oracle import random_proposals
from model_zoo.tuning.trial import read_result, read_results, write_result

PLUGINS = Path(__file__).parents[1] / "plugins"
RANDOM = {"search__algorithm": "random", "search__trials": 4, "search__epochs": 1}


def without_time(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{k: v for k, v in row.items() if k != "seconds"} for row in rows]


def test_two_processes_find_the_same_as_one_each_on_a_gpu_of_its_own(
    bench, finished: tuple, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There are no such GPUs here. A plugin notes what its process has been told of them."""
    plugins = shutil.copytree(PLUGINS, tmp_path / "plugins")
    (plugins / "notes.py").write_text(
        "import os, pathlib\n"
        f"(pathlib.Path({str(tmp_path)!r}) / os.environ[{devices.VISIBLE!r}]).touch()\n"
    )
    monkeypatch.setenv(devices.VISIBLE, "7,8")
    best, trials = finished[1]
    two = bench(**RANDOM, trial_processes=2, plugins_dir=plugins)
    found, others = two.search()
    assert found == best
    assert without_time(others) == without_time(trials), "every trial, not the best only"
    runs = two.runs()
    assert sorted(run.data.tags["catwalk.trial"] for run in runs) == [*"0123"]
    assert {run.data.tags["catwalk.process"] for run in runs} == {"process 1", "process 2"}
    assert (tmp_path / "7").exists() and (tmp_path / "8").exists()


def test_a_process_of_a_search_begins_with_the_framework_and_its_owners_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As it is when the process starts, and not when the server did that all are forked from."""
    for value in ("first", "second"):
        monkeypatch.setenv("CATWALK_TEST_NOTE", value)
        given = (dict(os.environ),)
        with ProcessPoolExecutor(1, framework_context(), begin, given) as process:
            assert process.submit(os.getenv, "CATWALK_TEST_NOTE").result() == value
            imported = process.submit(eval, "'keras' in __import__('sys').modules").result()
    assert imported == (sys.platform == "linux")


@pytest.fixture(scope="module")
def divided(bench) -> Any:
    """The search of ``finished`` in two shares, both run; nobody has led it yet."""
    two = bench(**RANDOM)
    assert [two.share(1, of=2), two.share(2, of=2)] == [2, 2]
    return two


def test_what_two_shares_have_run_is_only_taken_up(
    bench, finished: tuple, divided: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is left to train; a share that is run again runs nothing either."""
    best, trials = finished[1]
    one = bench(**RANDOM)
    shutil.copytree(divided.folder, one.folder, dirs_exist_ok=True)
    monkeypatch.setattr("multiprocessing.process.BaseProcess.start", None)
    assert one.share(2, of=2) == 0
    found, others = one.search()
    assert found == best and without_time(others) == without_time(trials)
    ran = {run.data.tags["catwalk.trial"]: run.data.tags["catwalk.process"] for run in one.runs()}
    assert ran == {"0": "share 1", "1": "share 2", "2": "share 1", "3": "share 2"}


def test_what_shares_have_not_run_or_not_run_well_the_search_runs(
    bench, finished: tuple, divided: Any
) -> None:
    """Of share 1 both trials are of another seed; of share 2 the last one failed there."""
    best, trials = finished[1]
    one = bench(**RANDOM, trial_processes=1)
    shutil.copytree(divided.folder / "share-2", one.folder / "share-2")
    right, other = (read_result(divided.folder / "share-2", trial) for trial in "13")
    write_result(one.folder / "share-2", replace(other, curve=[], error="short of memory"))
    for trial in "02":
        write_result(one.folder / "share-1", replace(right, trial=trial))
    found, others = one.search()
    assert found == best and without_time(others) == without_time(trials)
    ran = {run.data.tags["catwalk.trial"]: run.data.tags["catwalk.process"] for run in one.runs()}
    assert ran == {"0": "process 1", "1": "share 2", "2": "process 1", "3": "process 1"}


def test_a_share_of_a_search_whose_trials_depend_on_each_other_is_refused(bench) -> None:
    one = bench(**(RANDOM | {"search__algorithm": "bayesian"}))
    with pytest.raises(UserError, match=r'needs search.algorithm = "random". Received: \'bayesian'):
        one.share(1, of=2)
    assert not list(one.folder.iterdir())


def test_the_proposals_of_a_random_search_depend_on_its_seed_alone(bench, finished: tuple) -> None:
    led, _ = finished
    proposed = random_proposals(led.project)
    assert [trial for trial, _ in proposed] == [*"0123"]
    for trial, values in proposed:
        assert read_result(led.folder, trial).values == values
    more = random_proposals(led.project.with_values({"search.trials": 12}))
    assert [values for _, values in more[:4]] == [values for _, values in proposed]


@pytest.mark.parametrize(
    ("gpus", "processes", "expected"),
    [
        ("", 0, [None]),
        ("", 3, [None, None, None]),
        ("0", 0, [None]),
        ("0,1", 0, ["0", "1"]),
        ("2, GPU-5c89", 3, ["2", "GPU-5c89", "2"]),
        ("0,1", 1, ["0"]),
    ],
)
def test_each_process_has_a_gpu_of_its_own_where_there_are_several(
    gpus: str, processes: int, expected: list[str | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(devices.VISIBLE, gpus)
    assert trial_devices(processes) == expected


@pytest.mark.parametrize(
    ("given", "processes"),
    [
        ({"search.algorithm": "random", "model.weights": "imagenet"}, 3),
        ({"search.algorithm": "random", "model.weights": "imagenet", "search.trials": 2}, 2),
        ({"search.algorithm": "bayesian", "model.weights": "imagenet"}, 1),
        ({"search.algorithm": "random", "model.weights": "none"}, 1),
    ],
)
def test_without_gpus_heads_are_tried_on_every_core_if_that_changes_nothing(
    places: Places, given: dict[str, Any], processes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(devices.VISIBLE, "")
    monkeypatch.setattr(leader, "usable_cores", lambda: 3)
    project = load_project(None, {"search.trials": 20} | given)
    assert len(leader._processes(project, places)) == processes


def test_gpus_are_counted_as_the_driver_lists_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(devices.VISIBLE, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=None)
    assert visible_gpus() == []
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\necho 'GPU 0: A (UUID: GPU-1)'\necho 'GPU 1: A (UUID: GPU-2)'\n")
    program.chmod(0o755)
    assert visible_gpus() == ["0", "1"]


class Step:
    """A step of the workflow as a process, as Airflow's tasks run it."""

    def __init__(self, step: str, run: str, given: dict[str, Any]) -> None:
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-m", "model_zoo.runs.runner", step),
                *("--run", run, "--set", json.dumps(given)),
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def kill_after_a_trial(self) -> None:
        """SIGKILL; what it has started ends too."""
        assert self.process.stdout is not None
        assert any(line.startswith("trial ") for line in self.process.stdout)
        own = psutil.Process(self.process.pid).children(recursive=True)
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        _, alive = psutil.wait_procs(own, timeout=10)
        assert own and not alive


def test_a_killed_share_is_continued_and_its_trials_are_taken_up(places: Places) -> None:
    given = {"search.algorithm": "random", "search.trials": 4, "search.epochs": 1}
    project, name = load_project(None, given), "killed-side-by-side"
    for step in ("ingest", "preprocess"):
        runner.run_step(step, project, places, name)
    run = open_run(project, places, name)

    Step("search_share.1-of-2", name, given).kill_after_a_trial()
    kept = read_results(run.folder / "tuning" / "share-1")
    assert kept
    facts = runner.run_step("search_share.1-of-2", project, places, name)
    assert facts["trials"] == 2 - len(kept)
    shared = read_results(run.folder / "tuning" / "share-1")
    assert [result.trial for result in shared] == [*"02"] and shared[: len(kept)] == kept

    facts = runner.run_step("tune", project, places, name)
    assert len(facts["trials"]) == 4
    found = read_results(run.folder / "tuning")
    assert all(result in found for result in shared), "nothing was run twice"
    parent = read_json(run.folder / NOTE)["run_id"]
    client = connect(run.store)
    logged = client.search_runs(
        [client.get_run(parent).info.experiment_id], f"tags.`mlflow.parentRunId` = '{parent}'"
    )
    whole = [one for one in logged if one.info.status == "FINISHED"]
    assert sorted(one.data.tags["catwalk.trial"] for one in whole) == [*"0123"]
    assert {one.info.status for one in logged} <= {"FINISHED", "KILLED"}
