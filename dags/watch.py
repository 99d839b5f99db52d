"""One small DAG a project with a timetable: is there a reason to retrain before its time?

A DAG, not an AssetWatcher: a watcher's trigger lives in the triggerer, which would list a hundred
thousand files in the one loop that every deferred task waits for, and needs what the triggerer of a
cluster seldom has, the folder and its credentials. An hourly task runs where the other tasks do,
leaves a log and can be run by hand.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from airflow.sdk import DAG, dag, get_current_context, task

from launcher.airflow_steps.projects import readable_projects
from launcher.airflow_steps.reasons import is_watched, outlet_of
from model_zoo.settings import Project

DOC = """
### Has anything arrived for {name}?

Every hour the source is listed: names, sizes and times, no image is opened and no model loaded.
With `retraining.new_images` = {new_images} or more files that are new or changed since the last run
looked, and decisions on corrections since then, together, the asset
`catwalk://{name}/retraining-wanted` is updated, which starts `{dag}`.
"""
LATE = """
### Is there a new version of {name}?

Without one for {weeks:g} weeks (`retraining.expected_weeks`) the addresses of `CATWALK_NOTIFY` are
told once a day: runs that fail, are paused or find nothing new are silent otherwise.
"""


def watch(project: Project) -> DAG:
    """The DAG of one project."""

    @dag(
        dag_id=f"{project.dag_id.removesuffix('_retrain')}_watch",
        schedule="@hourly",
        start_date=datetime(2026, 1, 1),
        catchup=False,
        max_active_runs=1,
        tags=["catwalk", project.name, "watching"],
        default_args={"owner": "catwalk", "retries": 2, "retry_delay": timedelta(seconds=30)},
        doc_md=DOC.format(
            name=project.name, new_images=project.retraining.new_images, dag=project.dag_id
        ),
    )
    def workflow() -> None:
        @task(outlets=[outlet_of(project)])
        def look() -> str:
            """A sentence; the asset is updated where there is a reason."""
            from launcher.airflow_steps.reasons import look as look_at

            return look_at(str(project.file), get_current_context()["outlet_events"])

        look()

    return workflow()


def late(project: Project) -> DAG:
    """Says every day that no version came for longer than was expected."""

    @dag(
        dag_id=f"{project.dag_id.removesuffix('_retrain')}_late",
        schedule="@daily",
        start_date=datetime(2026, 1, 1),
        catchup=False,
        max_active_runs=1,
        tags=["catwalk", project.name, "watching"],
        default_args={"owner": "catwalk", "retries": 2, "retry_delay": timedelta(minutes=5)},
        doc_md=LATE.format(name=project.name, weeks=project.retraining.expected_weeks),
    )
    def workflow() -> None:
        @task
        def newest() -> str:
            """A sentence; people are told where it is too long ago."""
            from launcher.airflow_steps.notices import tell_of_age

            return tell_of_age(project)

        newest()

    return workflow()


for _project in readable_projects():
    if _project.retraining.expected_weeks:
        _dag = late(_project)
        globals()[_dag.dag_id] = _dag
    if is_watched(_project):
        _dag = watch(_project)
        globals()[_dag.dag_id] = _dag
