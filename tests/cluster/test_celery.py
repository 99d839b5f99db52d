"""The whole DAG on Celery workers with separate disks, two of which die in the middle of a step.

`make test-cluster`. Real parts: PostgreSQL and Redis of the system, an S3-compatible server, the
MLflow server on PostgreSQL with its artifacts in S3, Airflow with the CeleryExecutor, a worker for
each of two queues. A worker that is killed comes back with an empty disk, as a new machine would.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import servers as machines
from celery_cluster import ENTER, RUN, Cluster
from servers import LOOPBACK, Servers

from launcher.container.health import main as health_of
from launcher.local.airflow import USER, environment, password
from launcher.local.machine import Machine
from model_zoo.registry.client import connect
from model_zoo.registry.run_files import find_runs
from model_zoo.registry.run_log import RUN_TAG
from model_zoo.registry.versions import list_versions
from model_zoo.settings import load_project

pytestmark = pytest.mark.cluster
TRIALS, EPOCHS = 4, 40


@pytest.fixture(scope="module")
def cluster(small_environment: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    folder = tmp_path_factory.mktemp("cluster")
    servers = Servers(folder)
    with pytest.MonkeyPatch.context() as patch:
        try:
            postgres = machines.start_postgres(servers, ("airflow", "mlflow"))
            broker = machines.start_redis(servers)
            for name, value in machines.start_s3(servers).items():
                patch.setenv(name, value)
            values = {
                "HOME": folder / "control",
                "STORAGE": "s3://catwalk/shared",
                "TRACKING_URI": f"http://{LOOPBACK}:{machines.free_port()}",
                "AIRFLOW_PORT": machines.free_port(),
                "HEAVY_QUEUE": "gpu",
                "HEAVY_POOL": "gpu",
                "SCHEDULE": "never",
                "SEARCH__TRIALS": TRIALS,
                "SEARCH__EPOCHS": 20,
                "TRAINING__EPOCHS": EPOCHS,
                "TRAINING__EARLY_STOPPING_PATIENCE": 0,
            }
            for name, value in values.items():
                patch.setenv(f"CATWALK_{name}", str(value))
            machine, project = Machine.load(), load_project()
            env = environment(machine) | {
                "AIRFLOW__CORE__EXECUTOR": "CeleryExecutor",
                "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"{postgres}/airflow",
                "AIRFLOW__CELERY__BROKER_URL": broker,
                "AIRFLOW__CELERY__RESULT_BACKEND": f"db+{postgres}/airflow",
                "AIRFLOW__CELERY_BROKER_TRANSPORT_OPTIONS__VISIBILITY_TIMEOUT": "86400",
                # Soon enough for a test; the compose file waits two minutes.
                "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "30",
                "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "5",
                "AIRFLOW__WORKERS__EXECUTION_API_TIMEOUT": "30",
                "AIRFLOW__CELERY__OPERATION_TIMEOUT": "30",
                "MLFLOW_BACKEND_STORE_URI": f"{postgres}/mlflow",
                "MLFLOW_ARTIFACTS_DESTINATION": "s3://mlflow",
                "CATWALK_LISTEN": machine.mlflow_url.removeprefix("http://"),
            }
            _start_services(servers, machine, env)
            yield Cluster(servers, machine, project, env)
        finally:
            servers.stop()


def _start_services(servers: Servers, machine: Machine, env: dict[str, str]) -> None:
    began = time.monotonic()
    made = subprocess.run(
        [*ENTER, "init", sys.executable, "-m", "launcher.container.make_cluster"],
        env=env, capture_output=True, text=True,
    )  # fmt: skip
    assert made.returncode == 0, made.stdout + made.stderr
    servers.say(f"databases, pool and buckets made ({time.monotonic() - began:.0f} s)")
    port = machine.mlflow_url.rpartition(":")[2]
    command = ["mlflow", "server", "--host", LOOPBACK, "--port", port, "--workers", "1"]
    servers.start("mlflow", [*ENTER, "mlflow-server", *command], env)
    api = [
        "api-server",
        "--host",
        LOOPBACK,
        "--port",
        str(machine.ports.airflow_port),
        "--workers",
        "1",
    ]
    for name, arguments in {
        "api-server": api,
        "scheduler": ["scheduler", "--skip-serve-logs"],
        "triggerer": ["triggerer", "--skip-serve-logs"],
        "dag-processor": ["dag-processor"],
    }.items():
        servers.start(name, [*ENTER, "airflow-service", "airflow", *arguments], env)
    health = f"http://{LOOPBACK}:{machine.ports.airflow_port}/api/v2/monitor/health"
    servers.wait("MLflow answers", lambda: machines.answers(f"{machine.mlflow_url}/health"))
    for part in ("scheduler", "triggerer", "dag_processor"):
        servers.wait(
            f"Airflow's {part} is healthy", lambda part=part: health_of([health, part]) == 0
        )


@pytest.fixture(scope="module")
def finished(cluster: Cluster) -> Cluster:
    """The run, with a worker killed in mid-search and another one in mid-training."""
    servers = cluster.servers
    cluster.start_worker("cpu", "default")
    cluster.start_worker("gpu-1", "gpu")
    log_in = {"username": USER, "password": password(cluster.machine)}
    cluster.token = cluster.ask("/auth/token", "POST", log_in)["access_token"]

    def known() -> bool:
        return machines.answers(f"{cluster.url}/api/v2/monitor/health") and any(
            one["dag_id"] == cluster.project.dag_id for one in cluster.ask("/api/v2/dags")["dags"]
        )

    servers.wait("the DAG is known", known)
    cluster.ask(f"/api/v2/dags/{cluster.project.dag_id}", "PATCH", {"is_paused": False})
    began = time.monotonic()
    body = {"dag_run_id": RUN, "logical_date": None, "conf": {"promotion": "automatic"}}
    cluster.ask(f"/api/v2/dags/{cluster.project.dag_id}/dagRuns", "POST", body)

    def a_trial_is_done() -> bool:
        assert "tune.json" not in cluster.stored(), "the search ended before a worker was killed"
        return "tuning/search/trial_0/result.json" in cluster.stored()

    servers.wait("trial 0 is in storage", a_trial_is_done, 1800)
    servers.kill("gpu-1")
    servers.say("KILLED the worker gpu-1 in mid-search")
    cluster.start_worker("gpu-2", "gpu")

    def some_epochs_are_done() -> bool:
        assert "train.json" not in cluster.stored(), "training ended before a worker was killed"
        progress = cluster.stored_json("training/progress.json")
        return progress is not None and progress["progress"]["epoch"] >= 3

    servers.wait("three epochs are in storage", some_epochs_are_done, 1800)
    servers.kill("gpu-2")
    servers.say("KILLED the worker gpu-2 in mid-training")
    cluster.start_worker("gpu-3", "gpu")

    def over() -> bool:
        assert cluster.state() != "failed", cluster.ask(f"{cluster.dag_run}/taskInstances")
        return cluster.state() == "success"

    servers.wait("the run has ended well", over, 1800)
    servers.say(f"the workflow took {time.monotonic() - began:.0f} s")
    return cluster


def test_each_task_ran_on_the_worker_of_its_queue(finished: Cluster) -> None:
    for task in ("ingest", "preprocess", "evaluate", "register", "gate", "promote"):
        assert finished.task(task)["queue"] == "default"
    for task in ("tune", "train"):
        found = finished.task(task)
        assert (found["queue"], found["pool"], found["try_number"]) == ("gpu", "gpu", 2)


def test_the_version_is_in_production_once(finished: Cluster) -> None:
    [version] = list_versions(finished.store)
    assert version.aliases == ("production",)
    assert version.tags["workflow_run"] == RUN


def test_no_trial_was_lost_and_none_counts_twice(finished: Cluster) -> None:
    found = finished.stored_json("tune.json")["trials"]
    assert sorted(one["trial"] for one in found) == [str(n) for n in range(TRIALS)]
    client, parent = connect(finished.store), _parent(finished)
    runs = client.search_runs(
        [parent.info.experiment_id], f"tags.`mlflow.parentRunId` = '{parent.info.run_id}'"
    )
    ended_well = sorted(run.info.run_name for run in runs if run.info.status == "FINISHED")
    assert ended_well == [f"trial {number}" for number in range(TRIALS)]
    assert {run.info.status for run in runs} <= {"FINISHED", "KILLED"}


def test_training_went_on_from_the_checkpoint_and_no_epoch_is_logged_twice(
    finished: Cluster,
) -> None:
    facts = finished.stored_json("train.json")
    assert facts["resumed"] == 1 and facts["epochs"] == EPOCHS == len(facts["history"])
    client, parent = connect(finished.store), _parent(finished)
    for metric in ("train_loss", "val_accuracy"):
        history = client.get_metric_history(parent.info.run_id, metric)
        assert sorted(one.step for one in history) == list(range(EPOCHS))
    assert len(client.get_metric_history(parent.info.run_id, "test_accuracy")) == 1


def test_there_is_one_run_and_it_is_finished(finished: Cluster) -> None:
    assert _parent(finished).info.status == "FINISHED"


def test_everything_listens_on_this_machine_only(finished: Cluster) -> None:
    import psutil

    pids = {
        one.pid
        for process in finished.servers.running.values()
        for one in (psutil.Process(process.pid), *psutil.Process(process.pid).children(True))
    }
    open_to = {
        one.laddr.ip
        for one in psutil.net_connections("inet")
        if one.pid in pids and one.status == psutil.CONN_LISTEN
    }
    assert open_to == {LOOPBACK}


def _parent(cluster: Cluster) -> Any:
    client = connect(cluster.store)
    identity = cluster.stored_json("run.json")["identity"]
    [run] = find_runs(cluster.store, RUN_TAG, identity)
    return client.get_run(run)
