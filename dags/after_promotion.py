"""One DAG a project: what is to happen when another version is in production. An example: copy it.

It hangs on the asset that `retrain.py` updates. Here it exports every format of the version, and
has it predict for a folder of pictures.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from airflow.sdk import DAG, Param, dag, get_current_context, task

from launcher.airflow_steps.projects import readable_projects
from launcher.airflow_steps.promotion import production_of
from model_zoo.settings import Project

DOC = """
### After a promotion of {name}

Runs when `catwalk://{name}/production` is updated. `export` copies all files of the version,
checked by their digests, to `exports/` in Catwalk's home. `predict` writes `predictions.csv`
beside them for the pictures in `folder` (by default `batch/{name}` in the home; without such a
folder there is nothing to do).
"""


def after_promotion(project: Project) -> DAG:
    """The DAG of one project."""

    @dag(
        dag_id=f"{project.dag_id.removesuffix('_retrain')}_after_promotion",
        schedule=[production_of(project)],
        start_date=datetime(2026, 1, 1),
        catchup=False,
        max_active_runs=1,
        params={
            "folder": Param("", type="string", title="Folder", description="Of pictures."),
            "version": Param("", type="string", title="Version", description="Empty: production."),
        },
        tags=["catwalk", project.name, "promotion"],
        default_args={"owner": "catwalk", "retries": 2, "retry_delay": timedelta(seconds=30)},
        doc_md=DOC.format(name=project.name),
    )
    def workflow() -> None:
        @task
        def version(params: dict[str, Any]) -> str:
            """The version that the newest update names."""
            from launcher.airflow_steps.after_promotion import version_in_production

            events = get_current_context()["triggering_asset_events"]
            told = [one.extra.get("version", "") for of in events.values() for one in of]
            named = params["version"] or next(iter(reversed(told)), "")
            return named or version_in_production(str(project.file))

        @task
        def export(number: str) -> str:
            """Every format, in a folder named after the version."""
            from launcher.airflow_steps.after_promotion import export_all

            return export_all(str(project.file), number)

        @task
        def predict(number: str, exported: str, params: dict[str, Any]) -> str:
            """A row for each picture of the folder."""
            from launcher.airflow_steps.after_promotion import predict_folder

            return predict_folder(str(project.file), number, exported, params["folder"])

        number = version()
        predict(number, export(number))

    return workflow()


for _project in readable_projects():
    _dag = after_promotion(_project)
    globals()[_dag.dag_id] = _dag
