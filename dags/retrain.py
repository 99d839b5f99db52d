"""
### Retrain the Fashion-MNIST classifier and put it into production if it earned that

`ingest` finds the official files and checks them, `preprocess` validates and splits them, `tune`
searches head size and learning rate (with `CATWALK_TUNER_WORKERS` above 1 a task `search_worker`
for each further worker takes a share of the trials), `train` fits the model, `evaluate` measures it
once on the test set, `register` makes it a version in MLflow, `gate` compares it with the version
in production on the same images, `promote` moves the alias `production` if the gate was passed.

With promotion `approval` the run waits at `approve` for a person, who sees the gate's report under
*Required Actions*; a rejection leaves the version as candidate. With `manual` it stays candidate
until somebody runs `catwalk promote VERSION`.

A run that was stopped goes on where it was: clear the failed task. Clearing a task that succeeded
runs it again.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk import dag, task

from launcher.airflow_steps.operator import StepOperator
from launcher.airflow_steps.placement import beside_search, heavy
from launcher.airflow_steps.trigger_form import trigger_form
from model_zoo.config import load_settings

SETTINGS = load_settings()
NETWORK = {"retries": 4, "retry_delay": timedelta(seconds=15), "retry_exponential_backoff": 2}
HEAVY = heavy(SETTINGS)


@dag(
    schedule=SETTINGS.schedule or None,
    start_date=datetime(2026, 1, 1),
    catchup=False,
    max_active_runs=1,
    params=trigger_form(SETTINGS),
    tags=["catwalk", "fashion-mnist", "training"],
    default_args={"owner": "catwalk", "retries": 1, "retry_delay": timedelta(seconds=10)},
    doc_md=__doc__,
)
def fashion_mnist_retrain() -> None:
    ingest = StepOperator(task_id="ingest", step="ingest", **NETWORK)
    preprocess = StepOperator(task_id="preprocess", step="preprocess")
    tune = StepOperator(task_id="tune", step="tune", **HEAVY)
    train = StepOperator(task_id="train", step="train", **HEAVY)
    evaluate = StepOperator(task_id="evaluate", step="evaluate")
    register = StepOperator(task_id="register", step="register", **NETWORK)
    gate = StepOperator(task_id="gate", step="gate", **NETWORK)
    approve = ApprovalOperator(
        task_id="approve",
        subject="Put version {{ ti.xcom_pull('gate')['version'] }} into production?",
        body="{{ ti.xcom_pull('gate')['report'] }}",
    )
    promote = StepOperator(
        task_id="promote", step="promote", trigger_rule="none_failed_min_one_success", **NETWORK
    )

    @task.branch
    def ask(verdict: dict[str, Any], params: dict[str, Any]) -> str:
        """Whether a person is asked before promotion."""
        wanted = params["promotion"] == "approval" and verdict["passed"]
        return "approve" if wanted else "promote"

    asked = ask(gate.output)
    if SETTINGS.tuner_workers > 1:
        # `tune` needs none of them to end, so nothing waits for them; as most of the workflow
        # comes after `tune`, Airflow gives that the first free slot.
        others = [f"search_worker.{number}" for number in range(1, SETTINGS.tuner_workers)]
        preprocess >> StepOperator.partial(
            task_id="search_worker", map_index_template="{{ task.step }}", **beside_search(SETTINGS)
        ).expand(step=others)
    ingest >> preprocess >> tune >> train >> evaluate >> register >> gate >> asked
    asked >> [approve, promote]
    approve >> promote


fashion_mnist_retrain()
