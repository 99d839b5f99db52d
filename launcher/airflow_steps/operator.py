"""The Airflow operator behind every task of the workflow."""

from __future__ import annotations

from typing import Any

from airflow.sdk import BaseOperator, Context
from airflow.sdk.exceptions import AirflowFailException

from launcher import step_process
from launcher.airflow_steps.trigger_form import RUN_NAME, overrides
from model_zoo.config import load_settings
from model_zoo.errors import UserError
from model_zoo.runs import storage as run_storage


class StepOperator(BaseOperator):
    """Runs a step of ``model_zoo.runs.steps`` in a fresh process; its facts become the XCom.

    A user's mistake fails the task at once, with its sentence; any other failure is retried as
    the DAG says, and the step goes on from what its last try left.
    """

    ui_color = "#e8f4ec"

    def __init__(self, *, step: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.step = step

    def execute(self, context: Context) -> dict[str, Any]:
        given = overrides(context["params"])
        run_name = context["params"].get(RUN_NAME) or context["run_id"]
        try:
            settings = load_settings(**given)
            # On a first try these are facts of the unfinished run that this one continues; on a
            # later try somebody cleared the task to have it run again.
            if context["ti"].try_number == 1:
                done = run_storage.facts(settings, run_name, self.step)
                if done is not None:
                    self.log.info("Already done in run %s", run_name)
                    return done
            return step_process.run_step(
                self.step, settings, run_name, given, lambda line: self.log.info("%s", line)
            )
        except UserError as error:
            raise AirflowFailException(str(error)) from None

    def on_kill(self) -> None:
        step_process.stop_running()
