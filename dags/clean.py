"""One DAG for all projects: remove what nobody needs any more. See `catwalk clean --help`."""

from __future__ import annotations

from datetime import datetime, timedelta

from airflow.sdk import DAG, dag, task

from model_zoo.settings import Cleaning

DOC = """
### Remove what nobody needs any more

Runs, caches and logs that were not used for `CATWALK_CLEAN_AFTER_DAYS` days, files of versions that
carry no alias and are not among the newest `CATWALK_CLEAN_KEEP_VERSIONS`, what was deleted in
MLflow, and Airflow's own old rows where its database lies in Catwalk's home. The log says what went
and what that freed. Runs when `CATWALK_CLEAN_SCHEDULE` says, by default only when it is triggered;
`catwalk clean` tells what it would remove.
"""


@dag(
    dag_id="catwalk_clean",
    schedule=Cleaning.load().clean_schedule or None,
    start_date=datetime(2026, 1, 1),
    catchup=False,
    max_active_runs=1,
    tags=["catwalk", "cleaning"],
    default_args={"owner": "catwalk", "retries": 2, "retry_delay": timedelta(minutes=5)},
    doc_md=DOC,
)
def clean() -> None:
    @task
    def remove() -> str:
        """What went, by kind."""
        from launcher.airflow_steps.after_promotion import catwalk

        told = catwalk("clean", "--yes")
        print(told)
        return told.splitlines()[-1]

    remove()


_dag: DAG = clean()
