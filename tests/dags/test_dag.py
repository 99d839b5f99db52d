"""The DAG file is wiring: quick to import, and what the trigger form asks is what settings take."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROGRAM = """
import sys, time, json
from airflow.sdk import dag, task, BaseOperator, Param
from airflow.providers.standard.operators.hitl import ApprovalOperator
before = set(sys.modules)
started = time.process_time()  # of this process: waiting for a core is not the file's cost
sys.path.insert(0, sys.argv[1])
import fashion_mnist_retrain as file
seconds = time.process_time() - started
dag = file.fashion_mnist_retrain()
print(json.dumps({
    "seconds": seconds,
    "modules": sorted({name.split(".")[0] for name in set(sys.modules) - before}),
    "tasks": sorted(dag.task_ids),
    "schedule": str(dag.schedule),
    "catchup": dag.catchup,
    "max_active_runs": dag.max_active_runs,
    "mapped": {
        task.task_id: [*task.expand_input.value["step"]]
        for task in dag.tasks if getattr(task, "expand_input", None)
    },
    "upstream": {task.task_id: sorted(task.upstream_task_ids) for task in dag.tasks},
    "params": {name: dag.params.get_param(name).schema for name in dag.params},
}))
"""


ATTEMPTS = 3


def import_dag(folder: Path, **environment: str) -> dict:
    found = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(ROOT / "dags")],
        cwd=ROOT,
        env=os.environ | {"AIRFLOW_HOME": str(folder)} | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(found.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def imported(small_environment: Path, tmp_path_factory: pytest.TempPathFactory) -> dict:
    """The quickest of a few imports: a busy machine makes one slower, never quicker."""
    home = tmp_path_factory.mktemp("airflow")
    return min((import_dag(home) for _ in range(ATTEMPTS)), key=lambda one: one["seconds"])


def test_importing_the_dag_pulls_in_nothing_heavy(imported: dict) -> None:
    heavy = {"keras", "tensorflow", "mlflow", "pandas", "sklearn", "matplotlib", "onnxruntime"}
    assert not heavy & set(imported["modules"])
    assert imported["seconds"] < 0.3


def test_one_run_at_a_time_weekly_without_catch_up(imported: dict) -> None:
    assert imported["schedule"] == "@weekly"
    assert imported["max_active_runs"] == 1 and imported["catchup"] is False
    assert {"ingest", "tune", "train", "gate", "approve", "promote"} <= set(imported["tasks"])


def test_the_trigger_form_has_the_limits_of_the_settings(imported: dict) -> None:
    params = imported["params"]
    assert params["profile"]["enum"] == ["quick", "standard", "scratch", "notebook"]
    assert params["promotion"]["enum"] == ["automatic", "approval", "manual"]
    assert params["learning_rate"]["exclusiveMinimum"] == 0
    assert params["search_trials"]["maximum"] == 1000
    assert params["epochs"]["minimum"] == 1


def test_further_workers_of_the_search_are_mapped_tasks_beside_tune(
    imported: dict, small_environment: Path, tmp_path: Path
) -> None:
    assert "search_worker" not in imported["tasks"], "on a laptop one task searches"
    several = import_dag(tmp_path, CATWALK_TUNER_WORKERS="3")
    assert several["mapped"] == {"search_worker": ["search_worker.1", "search_worker.2"]}
    assert several["upstream"]["search_worker"] == several["upstream"]["tune"] == ["preprocess"]
    assert several["upstream"]["train"] == ["tune"], "a lost worker does not stop the workflow"
