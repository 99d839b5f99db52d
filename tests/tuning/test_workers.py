"""KerasTuner's chief and its workers: the same best trial as alone, and no trial lost to a kill."""

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from model_zoo.config import load_settings
from model_zoo.data.fashion_mnist.source import FASHION_MNIST
from model_zoo.errors import UserError
from model_zoo.files import read_json, write_json
from model_zoo.registry import versions as registry
from model_zoo.runs import runner
from model_zoo.tuning import chief as chief_module
from model_zoo.tuning import join, worker
from model_zoo.tuning.chief import ADDRESS, Chief
from model_zoo.tuning.oracle import open_oracle, report
from model_zoo.tuning.trial import Result
from model_zoo.tuning.worker import ChiefLine, NoChief


@contextmanager
def workers(settings: Any, folder: Path, *names: str) -> Iterator[dict[str, int]]:
    """Workers as threads, each with a trial process of its own; yields what each one ran."""
    ran: dict[str, int] = {}

    def work(name: str) -> None:
        ran[name] = join(settings, FASHION_MNIST, folder, name, lambda: False, lambda line: None)

    threads = [threading.Thread(target=work, args=(name,), name=name) for name in names]
    for thread in threads:
        thread.start()
    yield ran
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()


def test_three_workers_find_the_same_best_trial_as_one(bench, finished: tuple) -> None:
    one, (best, trials) = finished
    kept = ("search_algorithm", "search_trials", "search_epochs")
    several = bench(tuner_workers=3, **{name: getattr(one.settings, name) for name in kept})
    with workers(several.settings, several.folder, "w1", "w2") as ran:
        found, others = several.search()
    assert found == best

    def without_time(rows: list[dict]) -> list[dict]:
        return [{k: v for k, v in row.items() if k != "seconds"} for row in rows]

    assert without_time(others) == without_time(trials), (
        "every trial is the same, not the best only"
    )
    runs = several.runs()
    assert len(runs) == 4 and {run.info.status for run in runs} == {"FINISHED"}
    assert {run.data.tags["catwalk.worker"] for run in runs} == {"w0", "w1", "w2"}
    assert ran["w1"] >= 1 and ran["w2"] >= 1


@contextmanager
def chief_of(one: Any, say: Callable[[str], None] = print) -> Iterator[tuple[Any, Chief]]:
    oracle = open_oracle(one.settings, one.folder, others=True)
    with Chief(oracle, one.settings, one.folder, "w0", say) as chief:
        yield oracle, chief


def result_of(trial: Any, accuracy: float) -> Result:
    curve = [{"val_accuracy": accuracy, "time": 1.0}]
    return Result(trial.trial_id, trial.hyperparameters.values, "w1", 0.0, 1.0, curve)


def test_a_worker_that_comes_back_gets_its_trial_again(bench) -> None:
    one = bench(search_trials=4, tuner_workers=2)
    with chief_of(one):
        first = ChiefLine(one.folder, "w1").create_trial("w1")
        again = ChiefLine(one.folder, "w1").create_trial("w1")
        assert again.trial_id == first.trial_id
        assert again.hyperparameters.values == first.hyperparameters.values
        assert ChiefLine(one.folder, "w2").create_trial("w2").trial_id != first.trial_id


def test_a_worker_goes_on_with_the_chief_that_comes_after_a_crash(bench) -> None:
    one = bench(search_trials=4, tuner_workers=2)
    line = ChiefLine(one.folder, "w1")
    with pytest.raises(RuntimeError), chief_of(one):
        trial = line.create_trial("w1")
        raise RuntimeError("the chief crashes")
    assert not line.ended, "a chief that crashed may come back"
    with chief_of(one) as (oracle, _):
        assert line.create_trial("w1").trial_id == trial.trial_id
        report(line, trial, result_of(trial, 0.7))
        assert oracle.get_best_trials()[0].trial_id == trial.trial_id
        assert oracle.create_trial("w0").trial_id != trial.trial_id
    assert line.ended


def test_the_trial_of_a_silent_worker_goes_to_another_one_and_ends_once(bench, monkeypatch) -> None:
    one = bench(search_trials=4, tuner_workers=2)
    said: list[str] = []
    line = ChiefLine(one.folder, "w1")
    with chief_of(one, said.append) as (oracle, chief):
        trial = line.create_trial("w1")
        said.clear()
        monkeypatch.setattr(chief_module, "LOST_SECONDS", 60.0)
        chief.take_back_from_the_lost()
        assert not said, "it has just asked"
        monkeypatch.setattr(chief_module, "LOST_SECONDS", 0.0)
        chief.take_back_from_the_lost()
        assert said == [f"worker w1 is silent: trial {trial.trial_id} is run by another one"]
        taken = oracle.create_trial("w0")
        assert taken.trial_id == trial.trial_id
        report(oracle, taken, result_of(taken, 0.6))
        report(line, trial, result_of(trial, 0.6))  # it was slow, not dead
        assert oracle.end_order == [trial.trial_id]


def test_a_worker_without_a_chief_waits_then_says_so(bench, monkeypatch) -> None:
    one = bench()
    with pytest.raises(NoChief):
        ChiefLine(one.folder, "w1").create_trial("w1")
    monkeypatch.setattr(worker, "WAIT_SECONDS", 0.0)
    with pytest.raises(UserError, match="no chief of the search in"):
        join(one.settings, FASHION_MNIST, one.folder, "w1", lambda: False)


def test_a_worker_that_comes_too_late_has_nothing_to_do(bench) -> None:
    one = bench()
    assert join(one.settings, FASHION_MNIST, one.folder, "w1", lambda: True) == 0
    write_json(one.folder / ADDRESS, {"ended": True})
    assert join(one.settings, FASHION_MNIST, one.folder, "w1", lambda: False) == 0


def test_a_host_that_is_not_ours_is_one_sentence(bench) -> None:
    one = bench(host="192.0.2.1")
    sentence = r"cannot listen for workers on '192\.0\.2\.1': set CATWALK_HOST"
    with pytest.raises(UserError, match=sentence), chief_of(one):
        pass


def test_a_search_goes_on_after_its_chief_was_killed(settings) -> None:
    """The step `tune` as a process that is killed with SIGKILL, and a worker that is not."""
    chosen = {"search_algorithm": "random", "search_trials": 6, "tuner_workers": 2}
    given = load_settings(**chosen)
    for step in ("ingest", "preprocess"):
        runner.run_step(step, given, "killed-chief")
    folder = given.run_dir("killed-chief")

    def tune() -> subprocess.Popen:
        return subprocess.Popen(
            [sys.executable, "-m", "model_zoo.runs.runner", "tune", "--run-id", "killed-chief",
             "--settings", json.dumps(chosen)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )  # fmt: skip

    process = tune()
    with workers(given, folder / "tuning", "w1") as ran:
        for line in process.stdout:
            if line.startswith("trial "):
                break
        own = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGKILL)
        process.wait()
        ended = [*(folder / "tuning" / "search").glob("trial_*/result.json")]
        kept = {path: path.read_text() for path in ended}
        again = tune()
        printed, _ = again.communicate()
    assert again.returncode == 0, printed
    _, alive = psutil.wait_procs(own, timeout=5)
    assert not alive, "what the killed process started has ended too"
    assert kept and all(path.read_text() == text for path, text in kept.items())
    assert ran["w1"] >= 1
    parent = read_json(folder / "mlflow_run.json")["run_id"]
    runs = registry.connect(given).search_runs(
        [registry.prepare(given)], f"tags.`mlflow.parentRunId` = '{parent}'"
    )
    whole = [run for run in runs if run.info.status == "FINISHED"]
    assert sorted(run.data.tags["catwalk.trial"] for run in whole) == [*"012345"]
    assert {run.info.status for run in runs} <= {"FINISHED", "KILLED"}
