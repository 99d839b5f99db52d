"""One DAG a project file: retrain its classifier, and put it into production if it earned that.

A project file that cannot be read has no DAG; `check_projects.py` tells Airflow why.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk import DAG, dag, task

from launcher.airflow_steps.notices import (
    run_timeout,
    step_options,
    tell_of_approval,
    tell_of_failure,
    tell_of_late_run,
)
from launcher.airflow_steps.operator import StepOperator
from launcher.airflow_steps.placement import heavy, of_shares
from launcher.airflow_steps.projects import readable_projects
from launcher.airflow_steps.promotion import PromoteOperator, production_of
from launcher.airflow_steps.reasons import IngestOperator, schedule_of
from launcher.airflow_steps.trigger_form import trigger_form
from launcher.settings import Notices, Placement
from model_zoo.settings import Project
from model_zoo.settings.judging import strictest

DOC = """
### Retrain {name} and put it into production if it earned that

`ingest` has the source find the images; where they and the settings are those of the last version
the run ends there, as skipped, unless *Force* is chosen. `preprocess` validates and splits them,
`health` looks for wrong labels, leaks and useless images (its page is on the run in MLflow),
`tune` searches head size and learning rate (with `CATWALK_SEARCH_SHARES` above 1 tasks
`search_share` before it run the trials), `train` fits the model, `evaluate` measures it once on the
test set, `register` makes it a version in MLflow, `gate` compares it with production on the same
images, `promote` moves the alias `production` if the gate was passed.

With promotion `approval` the run waits at `approve` for a person, who sees the gate's report under
*Required Actions*; a rejection, or no answer within `judging.approval_hours`, leaves the version as
candidate. With `manual` it stays candidate until somebody runs
`catwalk promote VERSION --project {name}`. A promotion emits the asset `catwalk://{name}/production`.

With `CATWALK_NOTIFY` people are told of a failure, a waiting approval, a promotion. A step that
hangs is stopped after `CATWALK_STEP_HOURS`, search and training after `CATWALK_HEAVY_HOURS`.

A run that was stopped goes on where it was: clear the failed task. Clearing a task that succeeded
runs it again.
"""
SIDE_BY_SIDE = (
    "Side by side, with the images on which they differ: the page's tab Compare, or "
    "`catwalk compare production {{{{ ti.xcom_pull('gate')['version'] }}}} --project {name}`."
)
# What is away for now comes back in minutes; a person's mistake fails at once, whatever this says.
RETRIES = {
    "retries": 5,
    "retry_delay": timedelta(seconds=15),
    "retry_exponential_backoff": 2,
    "max_retry_delay": timedelta(minutes=10),
}
PLACEMENT, NOTICES = Placement.load(), Notices.load()
LONG = step_options(NOTICES, heavy=True)


def retrain(project: Project) -> DAG:
    """The DAG of one project."""

    def step(name: str, **options: Any) -> StepOperator:
        return StepOperator(task_id=name, step=name, project=str(project.file), **options)

    @dag(
        dag_id=project.dag_id,
        schedule=schedule_of(project),
        start_date=datetime(2026, 1, 1),
        catchup=False,
        max_active_runs=1,
        params=trigger_form(project),
        tags=["catwalk", project.name, "training"],
        default_args={
            "owner": "catwalk",
            "on_failure_callback": tell_of_failure,
            **RETRIES,
            **step_options(NOTICES),
        },
        dagrun_timeout=run_timeout(project, NOTICES),
        on_failure_callback=tell_of_late_run,
        doc_md=DOC.format(name=project.name),
    )
    def workflow() -> None:
        ingest = IngestOperator(task_id="ingest", project=str(project.file))
        preprocess, health = step("preprocess"), step("health", **heavy(PLACEMENT), **LONG)
        divided = PLACEMENT.search_shares > 1
        # A share that is lost does not stop the workflow: `tune` runs what is missing.
        rule = {"trigger_rule": "all_done_min_one_success"} if divided else {}
        tune = step("tune", **rule, **heavy(PLACEMENT), **LONG)
        train, evaluate = step("train", **heavy(PLACEMENT), **LONG), step("evaluate")
        register, gate = step("register"), step("gate")
        approve = ApprovalOperator(
            task_id="approve",
            subject="Put version {{ ti.xcom_pull('gate')['version'] }} into production?",
            body="{{ ti.xcom_pull('gate')['report'] }}\n\n"
            + SIDE_BY_SIDE.format(name=project.name),
            defaults=ApprovalOperator.REJECT,  # what no answer in time means
            response_timeout=timedelta(hours=project.judging.approval_hours),
        )
        promote = PromoteOperator(
            task_id="promote",
            project=str(project.file),
            asset=production_of(project),
            asked="approve",
            trigger_rule="none_failed_min_one_success",
        )

        @task.branch
        def ask(verdict: dict[str, Any], params: dict[str, Any]) -> str:
            """Whether a person is asked before promotion."""
            wanted = strictest(params["promotion"], project.judging.promotion)
            if wanted != "approval" or not verdict["passed"]:
                return "promote"
            tell_of_approval(project, verdict)
            return "approve"

        asked = ask(gate.output)
        ingest >> preprocess >> health >> tune >> train >> evaluate >> register >> gate >> asked
        asked >> [approve, promote]
        approve >> promote
        if divided:
            count = PLACEMENT.search_shares
            shares = StepOperator.partial(
                task_id="search_share",
                project=str(project.file),
                map_index_template="{{ task.step }}",
                **of_shares(PLACEMENT),
                **LONG,
            ).expand(step=[f"search_share.{number}-of-{count}" for number in range(1, count + 1)])
            health >> shares >> tune

    return workflow()


for _project in readable_projects():
    globals()[_project.dag_id] = retrain(_project)
