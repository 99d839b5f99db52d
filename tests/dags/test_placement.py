"""Search and training go where settings send them; the other tasks, and a laptop, see nothing."""

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROGRAM = """
import sys, json
sys.path.insert(0, sys.argv[1])
import retrain
dag = retrain.fashion_mnist_retrain
if dag.get_task("tune").executor_config:
    from airflow.serialization.serialized_objects import DagSerialization
    DagSerialization.to_dict(dag)  # the scheduler gets the pod in this form
print(json.dumps({task.task_id: {
    "queue": task.queue,
    "pool": task.pool,
    "limits": [
        container.resources.limits
        for pod in task.executor_config.values() for container in pod.spec.containers
    ],
} for task in dag.tasks}))
"""
NOTHING = {"queue": "default", "pool": "default_pool", "limits": []}


def placed(home: Path, **environment: str) -> dict[str, dict]:
    found = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(ROOT / "dags")],
        cwd=ROOT,
        env=os.environ | {"AIRFLOW_HOME": str(home)} | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(found.stdout.splitlines()[-1])


def test_on_a_laptop_every_task_is_placed_alike(small_environment: Path, tmp_path: Path) -> None:
    assert all(place == NOTHING for place in placed(tmp_path).values())


def test_search_and_training_go_to_the_queue_and_pool_of_the_settings(
    small_environment: Path, tmp_path: Path
) -> None:
    found = placed(tmp_path, CATWALK_HEAVY_QUEUE="gpu", CATWALK_HEAVY_POOL="gpus")
    heavy = {task for task, place in found.items() if place["queue"] == "gpu"}
    assert heavy == {"health", "tune", "train"}
    assert {task for task, place in found.items() if place["pool"] == "gpus"} == heavy


def test_shares_of_the_search_may_have_a_queue_of_their_own(
    small_environment: Path, tmp_path: Path
) -> None:
    several = {
        "CATWALK_HEAVY_QUEUE": "gpu", "CATWALK_HEAVY_POOL": "gpus", "CATWALK_SEARCH_SHARES": "3"
    }  # fmt: skip
    share = placed(tmp_path, **several)["search_share"]
    assert (share["queue"], share["pool"]) == ("gpu", "gpus")
    share = placed(tmp_path, **several, CATWALK_SHARE_QUEUE="default")["search_share"]
    assert share == NOTHING, "no GPU, so no slot of the pool that stands for GPUs"


def test_on_kubernetes_they_ask_for_gpus(small_environment: Path, tmp_path: Path) -> None:
    if find_spec("kubernetes") is None:
        pytest.skip("needs the extra `cluster`: make test-cluster")
    found = placed(tmp_path, CATWALK_HEAVY_GPUS="2", AIRFLOW__CORE__EXECUTOR="KubernetesExecutor")
    assert {task: place["limits"] for task, place in found.items() if place["limits"]} == {
        "tune": [{"nvidia.com/gpu": "2"}],
        "train": [{"nvidia.com/gpu": "2"}],
    }
