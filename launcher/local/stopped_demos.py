"""Tell Airflow that a demo was stopped: its run would stay "running" for ever.

`airflow dags test` marks its run in the database only when it ends by itself. One that was killed
would count as the DAG's one active run, and no triggered or scheduled run would ever start.

    python -m launcher.local.stopped_demos    # in Airflow's environment: `launcher.local.airflow`
"""

from __future__ import annotations


def mark_failed() -> list[str]:
    """Mark every unfinished run of `airflow dags test`, and its tasks; returns the runs' ids."""
    from airflow.api.common.mark_tasks import set_dag_run_state_to_failed
    from airflow.models.dagrun import DagRun
    from airflow.models.serialized_dag import SerializedDagModel
    from airflow.utils.session import create_session
    from airflow.utils.state import State
    from airflow.utils.types import DagRunTriggeredByType
    from sqlalchemy import select

    with create_session() as session:
        unfinished = session.scalars(
            select(DagRun).where(
                DagRun.triggered_by == DagRunTriggeredByType.TEST,
                DagRun.state.in_(State.unfinished_dr_states),
            )
        ).all()
        for run in unfinished:
            dag = SerializedDagModel.get_dag(run.dag_id, session=session)
            if dag is not None:
                set_dag_run_state_to_failed(
                    dag=dag, run_id=run.run_id, commit=True, session=session
                )
        return [run.run_id for run in unfinished]


if __name__ == "__main__":
    for run_id in mark_failed():
        print(f"{run_id}: failed, its process is gone")
