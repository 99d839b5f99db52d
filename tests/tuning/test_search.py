"""One process leads: every kind of search, its record in MLflow, kills, failures, memory."""

import multiprocessing
import os
import signal
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from model_zoo.backbones import build_trunk, get_backbone
from model_zoo.data.dataset import Images
from model_zoo.errors import UserError
from model_zoo.files import read_json, write_json
from model_zoo.registry.client import connect
from model_zoo.registry.run_log import close_interrupted_trials
from model_zoo.training.features import FeatureFiles
from model_zoo.tuning import examples, trial_process
from model_zoo.tuning import trial as trial_module
from model_zoo.tuning.examples import read_examples
from model_zoo.tuning.summary import importance, summary_figure
from model_zoo.tuning.trial import read_result, trial_folder
from model_zoo.tuning.trial_runs import TrialRuns

VALUES = {"dense_1": 64, "dense_2": 32, "dropout": 0.0}  # of a trial


def check_record(one: Any, found: tuple) -> None:
    """One whole nested run a trial, and the best trial first."""
    best, trials = found
    assert len(trials) == one.project.search.trials, "the budget holds for every kind"
    assert best.as_dict().items() <= trials[0].items()
    accuracies = [trial["val_accuracy"] for trial in trials]
    assert accuracies == sorted(accuracies, reverse=True)
    runs = {run.data.tags["catwalk.trial"]: run for run in one.runs()}
    assert len(one.runs()) == len(runs) == len(trials)
    client = connect(one.store)
    for trial in trials:
        run = runs[trial["trial"]]
        assert run.info.status == "FINISHED"
        assert run.data.params["dense_1"] == str(trial["dense_1"])
        curve = client.get_metric_history(run.info.run_id, "val_accuracy")
        assert len(curve) == trial["epochs"]
        assert max(point.value for point in curve) == trial["val_accuracy"]
        took = (run.info.end_time - run.info.start_time) / 1000
        assert took == pytest.approx(trial["seconds"], abs=0.002)
    assert not multiprocessing.active_children(), "the device is free again"
    assert not list(one.folder.rglob("*.h5")), "the winner is trained anew"


def test_every_trial_is_a_nested_run_with_parameters_curve_and_duration(finished: tuple) -> None:
    check_record(*finished)


@pytest.mark.parametrize(("algorithm", "epochs"), [("bayesian", 1), ("hyperband", 3)])
def test_the_other_kinds_keep_the_same_record(
    bench, trials_here: None, algorithm: str, epochs: int
) -> None:
    one = bench(search__algorithm=algorithm, search__trials=4, search__epochs=epochs)
    check_record(one, one.search())
    results = [read_result(one.folder, trial) for trial in "0123"]
    continued = [result.first_epoch for result in results if "tuner/trial_id" in result.values]
    assert continued == ([1] if algorithm == "hyperband" else [])


def test_a_trial_that_gains_nothing_any_more_is_stopped(bench) -> None:
    one = bench(search__epochs=40, search__patience=2, training__learning_rate=1e-9)
    one.write_examples()
    one.run_trial("0", VALUES)
    result = read_result(one.folder, "0")
    assert result.stopped_early and len(result.curve) < 40
    assert len(result.curve) - 1 == result.best_epoch + 2
    told = one.told.of("trial 0")
    assert told[0].total == 40 * 320 and told[-1].done == len(result.curve) * 320
    assert told[-1].now == f"epoch {len(result.curve)} of 40"


def test_a_search_tells_how_many_trials_have_ended_and_the_best(finished: tuple) -> None:
    one, (_, trials) = finished
    told = one.told.of("search")
    assert [done for done in dict.fromkeys(part.done for part in told)] == [0, 1, 2, 3, 4]
    assert {(part.total, part.unit) for part in told} == {(4, "trials")}
    assert told[-1].best == f"{trials[0]['val_accuracy']:.2%}"


def test_a_search_that_ended_is_not_run_again(finished: tuple) -> None:
    one, found = finished
    one.said.clear()
    assert one.search() == found
    assert not one.said
    check_record(one, found)


def test_a_kill_between_a_trials_end_and_the_oracles_word_of_it_logs_it_once(
    finished: tuple,
) -> None:
    """The moment is made by putting the oracle's files back to what they were before the end."""
    one, found = finished
    state = one.folder / "search" / "oracle.json"
    kept = read_json(state)
    last = kept["end_order"].pop()
    write_json(state, kept | {"ongoing_trials": {"process 1": last}})
    path = one.folder / "search" / f"trial_{last}" / "trial.json"
    write_json(path, read_json(path) | {"status": "RUNNING", "score": None})
    assert one.search() == found
    check_record(one, found)


@pytest.mark.fault(
    "tune is killed while a trial is given out",
    saw="the search goes on with the same trials",
    lost="nothing",
)
def test_a_kill_while_a_trial_is_given_out_loses_no_trial(finished: tuple) -> None:
    """The trial's own file is written before the oracle's."""
    one, found = finished
    path = one.folder / "search" / "oracle.json"
    state = read_json(path)
    state["start_order"].remove("3")
    state["end_order"].remove("3")
    state["seed_state"] -= len(VALUES)
    state["tried_so_far"].remove(state["id_to_hash"].pop("3"))
    write_json(path, state)
    assert one.search() == found
    check_record(one, found)


def test_a_kill_within_the_logging_of_a_trial_leaves_one_whole_run(finished: tuple) -> None:
    one, found = finished
    client = connect(one.store)
    (half,) = (run for run in one.runs() if run.data.tags["catwalk.trial"] == "3")
    client.set_terminated(half.info.run_id, "RUNNING")
    assert close_interrupted_trials(one.store, one.parent) == 1
    assert one.search() == found
    statuses = Counter((run.data.tags["catwalk.trial"], run.info.status) for run in one.runs())
    assert statuses == Counter([*((trial, "FINISHED") for trial in "0123"), ("3", "KILLED")])
    client.delete_run(half.info.run_id)


@pytest.mark.fault(
    "the process of a trial is killed",
    saw="that trial failed, the signal named; the next has a process of its own",
    lost="the trial",
)
def test_a_trials_process_is_replaced_when_it_crashes_and_after_a_few_trials(
    bench, monkeypatch
) -> None:
    monkeypatch.setattr(trial_process, "TRIALS_PER_PROCESS", 2)
    one = bench(search__epochs=1)
    one.write_examples()
    used = []
    with one.process() as process:
        process.start("0", VALUES)
        (child,) = multiprocessing.active_children()
        child.kill()
        crashed = process.result()
        assert crashed.error == f"its process ended with status -{signal.SIGKILL.value}"
        for trial in "123":
            process.start(trial, VALUES)
            (child,) = multiprocessing.active_children()
            used.append(child.pid)
            process.result()
    assert read_result(one.folder, "0") == crashed
    assert used[0] == used[1] != used[2]
    accuracies = {read_result(one.folder, trial).best for trial in "123"}
    assert len(accuracies) == 1, "equal values, equal result"


def test_three_failures_in_a_row_end_the_search_with_a_sentence(bench, trials_here: None) -> None:
    one = bench(search__trials=9, trial_processes=1)
    right, one.train = one.train, Images(np.zeros((320, 28, 30), np.uint8), one.train.labels)
    one.write_examples()
    one.train = right
    with pytest.raises(UserError, match="3 trials in a row failed; the last one: ") as raised:
        one.search()
    assert "\n" not in str(raised.value)
    assert [run.info.status for run in one.runs()] == ["FAILED"] * 3
    assert all("ValueError" in run.data.tags["error"] for run in one.runs())
    assert "model.fit" in (trial_folder(one.folder, "0") / "traceback.txt").read_text()


def test_a_trial_that_the_device_has_no_room_for_is_run_again_with_half_the_batch(
    bench, monkeypatch
) -> None:
    one = bench(search__trials=1, search__epochs=1, training__batch_size=64)
    one.write_examples()
    batches = trial_module.in_batches

    def no_room(*given: Any, **more: Any) -> Any:
        if given[2] > 16:
            raise MemoryError
        return batches(*given, **more)

    monkeypatch.setattr(trial_module, "in_batches", no_room)
    one.run_trial("0", VALUES)
    found = read_result(one.folder, "0")
    assert found.batch_size == 16 and not found.error and len(found.curve) == 1
    assert "again with batches of 16 instead of 64" in "".join(one.said)
    runs = TrialRuns(one.project, one.store, one.parent, one.folder, one.said.append)
    runs.catch_up(["0"])
    (run,) = one.runs()
    assert run.data.params["trained_batch_size"] == "16"


def test_on_a_pretrained_trunk_trials_train_the_head_on_features(
    bench, trials_here: None, tmp_path: Path
) -> None:
    weights = tmp_path / "tiny.weights.h5"
    build_trunk(get_backbone("tiny"), 28, "none").save_weights(weights)
    few = {"search__trials": 2, "search__epochs": 1, "search__limit": 200}
    one = bench(home=tmp_path, model__weights=str(weights), **few)
    best, trials = one.search()
    found = read_examples(one.folder)
    views = one.project.training.feature_views
    assert found.pooled and found.train[0].shape == (views * 200, 32)
    assert found.validation[0].shape == (100, 32)
    assert len(trials) == 2 and best.head.learning_rate > 0
    kept = list((tmp_path / "cache" / "features").glob("*.npy"))
    assert len(kept) == views + 1, "what the training after the search reads"


def test_features_whose_place_is_known_are_read_without_a_network(
    bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = {"model__weights": "imagenet", "training__feature_views": 2, "search__limit": 200}
    one = bench(home=tmp_path, **chosen, training__augmentation__flip=True)
    random, places = np.random.default_rng(0), [tmp_path / f"{name}.npy" for name in "abc"]
    made = [random.normal(size=(count, 5)).astype(np.float16) for count in (320, 320, 160)]
    for path, array in zip(places, made, strict=True):
        np.save(path, array)
    known = FeatureFiles((places[0], places[1]), places[2])
    monkeypatch.setattr(examples, "ProcessPoolExecutor", None)
    one.write_examples(known)
    found = read_examples(one.folder)
    expected = np.concatenate([made[0][:200], made[1][:200]])
    np.testing.assert_array_equal(found.train[0], expected.astype(np.float32))
    np.testing.assert_array_equal(found.train[1], np.tile(one.train.labels[:200], 2))
    np.testing.assert_array_equal(found.validation[0], made[2][:100].astype(np.float32))


def test_features_that_are_gone_or_are_those_of_others_are_not_taken(tmp_path: Path) -> None:
    path = tmp_path / "features.npy"
    np.save(path, np.zeros((3, 5), np.float16))
    three, two = np.zeros(3, np.int32), np.zeros(2, np.int32)
    files = FeatureFiles((path,), path)
    assert files.read(three, three) is not None
    assert files.read(two, three) is None and files.read(three, two) is None
    path.unlink()
    assert files.read(three, three) is None


def test_without_feature_views_trials_train_on_the_images(bench, tmp_path: Path) -> None:
    weights = tmp_path / "tiny.weights.h5"
    build_trunk(get_backbone("tiny"), 28, "none").save_weights(weights)
    one = bench(home=tmp_path, model__weights=str(weights), training__feature_views=0)
    one.write_examples()
    found = read_examples(one.folder)
    assert not found.pooled and found.train[0].shape == (320, 28, 28)
    assert not (tmp_path / "cache" / "features").exists()


def die(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.fault(
    "the process that computes features is killed (memory)", saw="one sentence", lost="nothing"
)
def test_a_process_that_is_killed_over_the_features_is_one_sentence(bench, monkeypatch) -> None:
    one = bench(model__weights="imagenet")
    monkeypatch.setattr(examples, "_write_pooled", die)
    with pytest.raises(UserError, match=r"the process that computes features .* was killed"):
        one.write_examples()


def test_a_precision_that_is_not_decided_is_refused(bench) -> None:
    with pytest.raises(
        ValueError, match=r"Expected a precision that is decided\. Received: 'auto'"
    ):
        bench(training__precision="auto").write_examples()


def test_what_no_trial_would_survive_ends_the_search_at_once(bench) -> None:
    one = bench(model__weights="nowhere.weights.h5", search__trials=9)
    with pytest.raises(UserError, match=r"nowhere\.weights\.h5"):
        one.search()
    assert not one.runs()


def test_the_summary_says_what_mattered(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    trials = [
        {"trial": str(i), "val_accuracy": 0.8 - 0.1 * (np.log10(rate) + 3) ** 2, "epochs": 1,
         "seconds": 1.0, "dense_1": int(random.choice([64, 128])), "dropout": 0.2,
         "learning_rate": rate}
        for i, rate in enumerate(10 ** random.uniform(-4, -2, 24))
    ]  # fmt: skip
    parts = importance(trials, seed=0)
    assert list(parts) == ["learning_rate", "dense_1"], "dropout was the same in all of them"
    assert parts["learning_rate"] > 0.9 and sum(parts.values()) == pytest.approx(1)
    assert importance(trials[:3], seed=0) == {}, "too few to tell"
    left, right, _ = summary_figure(trials, parts).axes
    assert len(left.lines) >= len(trials) and len(right.patches) == 2
    summary_figure(trials[:1], {}).savefig(tmp_path / "one.png")
