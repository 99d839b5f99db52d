"""The MLflow run of a workflow run is found by its random identity, never by a name."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from model_zoo.errors import UserError
from model_zoo.registry.client import connect
from model_zoo.registry.experiment import ensure_experiment
from model_zoo.registry.run_files import find_runs
from model_zoo.registry.run_log import (
    RUN_TAG,
    close_interrupted_trials,
    log_found,
    params_of,
    parent_run,
    parent_run_id,
)
from model_zoo.registry.store import Store


def test_two_runs_of_one_name_are_two(empty: Store, tmp_path: Path) -> None:
    first, second = (
        parent_run_id(empty, tmp_path / folder, identity, "weekly", {"profile": "quick"})
        for folder, identity in (("a", "1f"), ("b", "2e"))
    )
    assert first != second
    client = connect(empty)
    for run_id, identity in ((first, "1f"), (second, "2e")):
        found = client.get_run(run_id)
        assert found.info.run_name == "weekly"
        assert found.data.tags[RUN_TAG] == identity and found.data.tags["profile"] == "quick"


def test_a_run_is_found_again_wherever_its_folder_lies(empty: Store, tmp_path: Path) -> None:
    here = tmp_path / "here"
    run_id = parent_run_id(empty, here, "1f", "weekly", {})
    shutil.move(here, tmp_path / "there")
    assert parent_run_id(empty, tmp_path / "there", "1f", "weekly", {}) == run_id
    (tmp_path / "there" / "mlflow_run.json").unlink()  # killed before it was noted
    assert parent_run_id(empty, tmp_path / "there", "1f", "renamed", {}) == run_id
    assert find_runs(empty, RUN_TAG, "1f") == [run_id]


def test_trials_that_a_kill_left_running_are_closed(
    empty: Store, another_store: None, tmp_path: Path
) -> None:
    import mlflow

    with parent_run(empty, tmp_path / "run", "1f", "weekly", {}) as run:
        client = connect(empty)
        tags = {"mlflow.parentRunId": run.info.run_id}
        trial = client.create_run(run.info.experiment_id, tags=tags).info.run_id
        assert close_interrupted_trials(empty, run.info.run_id) == 1
        assert client.get_run(trial).info.status == "KILLED"
        assert mlflow.active_run().info.run_id == run.info.run_id
    assert client.get_run(run.info.run_id).info.status == "FINISHED"


def test_a_step_that_is_done_again_may_find_another_value(
    empty: Store, another_store: None, tmp_path: Path
) -> None:
    """MLflow alone says: Changing param values is not allowed."""
    for found in ("float32", "bfloat16", "bfloat16", "float32"):
        with parent_run(empty, tmp_path / "run", "1f", "weekly", {}) as run:
            log_found({"computed_in": found, "head.dense_1": 64})
        data = connect(empty).get_run(run.info.run_id).data
        now = params_of(data.params, data.tags)
        assert now == {"computed_in": found, "head.dense_1": "64"}


@pytest.mark.parametrize("stop", [SystemExit(143), KeyboardInterrupt()])
def test_a_run_that_is_stopped_is_not_running_for_ever(
    empty: Store, another_store: None, tmp_path: Path, stop: BaseException
) -> None:
    with (
        pytest.raises(type(stop)),
        parent_run(empty, tmp_path / "run", "1f", "weekly", {}) as run,
    ):
        raise stop
    assert connect(empty).get_run(run.info.run_id).info.status == "KILLED"
    with parent_run(empty, tmp_path / "run", "1f", "weekly", {}):
        pass
    assert connect(empty).get_run(run.info.run_id).info.status == "FINISHED"


def test_a_run_or_an_experiment_that_was_deleted_in_mlflow_names_the_way_back(
    empty: Store, tmp_path: Path
) -> None:
    client = connect(empty)
    run_id = parent_run_id(empty, tmp_path / "a", "1f", "weekly", {})
    client.delete_run(run_id)
    with pytest.raises(UserError, match=f"mlflow runs restore --run-id {run_id}"):
        parent_run_id(empty, tmp_path / "a", "1f", "weekly", {})
    client.restore_run(run_id)
    assert parent_run_id(empty, tmp_path / "a", "1f", "weekly", {}) == run_id
    client.delete_experiment(ensure_experiment(empty))
    with pytest.raises(UserError, match="mlflow experiments restore --experiment-id 1"):
        parent_run_id(empty, tmp_path / "b", "2e", "weekly", {})


def test_a_run_that_is_logged_in_another_mlflow_says_where_it_was_looked_for(
    empty: Store, tmp_path: Path
) -> None:
    parent_run_id(empty, tmp_path / "run", "1f", "weekly", {})
    shutil.copytree(empty.home, tmp_path / "other")
    other = replace(empty, home=tmp_path / "other")
    (tmp_path / "run" / "mlflow_run.json").write_text('{"run_id": "%s"}' % ("0" * 32))
    with pytest.raises(
        UserError, match=f"MLflow at {other.home} has no run 0{{32}}, which the run"
    ):
        parent_run_id(other, tmp_path / "run", "1f", "weekly", {})
