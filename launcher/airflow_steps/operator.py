"""The Airflow operator behind every task of the workflow."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

from airflow.sdk import BaseOperator, Context
from airflow.sdk.exceptions import (
    AirflowException,
    AirflowFailException,
    AirflowSkipException,
    AirflowTaskTimeout,
)

from launcher import step_process
from launcher.airflow_steps.trigger_form import overrides
from launcher.options import FIELDS, RUN_NAME
from model_zoo.errors import AWAY_STATUS, UserError, exit_status
from model_zoo.failures import told, whose
from model_zoo.runs import storage
from model_zoo.settings import Places, check_variables, load_project

#: Tries after which a step that crashed each time is left alone: it will not mend itself.
CRASHES = 3


class StepOperator(BaseOperator):
    """Runs a step of ``model_zoo.runs.steps`` in a fresh process; its facts become the XCom.

    A user's mistake fails the task at once, with its sentence; what is away for now is tried again
    as the DAG says, a crash twice, and the step goes on from what its last try left.
    """

    ui_color = "#e8f4ec"

    def __init__(self, *, step: str, project: str, **kwargs: Any) -> None:
        """
        Args:
            project: path of the project's file.
        """
        super().__init__(**kwargs)
        self.step = step
        self.project = project

    def execute(self, context: Context) -> dict[str, Any]:
        run_name = context["params"].get(RUN_NAME) or context["run_id"]
        try:
            check_variables()
            check_fields(context["params"])
            given = overrides(context["params"])
            places = Places.load()
            project = load_project(self.project, given, places)
            # On a first try these are facts of the unfinished run that this one continues; on a
            # later try somebody cleared the task to have it run again.
            if context["ti"].try_number == 1:
                done = storage.facts(project, places, run_name, self.step)
                if done is not None:
                    self.log.info("Already done in run %s", run_name)
                    return or_skipped(done)
            found = step_process.run_step(
                self.step,
                project,
                places,
                run_name,
                given,
                lambda line: self.log.info("%s", line),
                approved_by=self.approved_by(context),
                reason=self.reason(context),
            )
            return or_skipped(found)
        except UserError as error:
            if exit_status(error) == AWAY_STATUS:
                raise AirflowException(f"{error} (tried again)") from None
            raise AirflowFailException(str(error)) from None
        except step_process.StepFailed as error:
            last = context["ti"].try_number >= CRASHES
            raise (AirflowFailException if last else AirflowException)(str(error)) from None
        except AirflowTaskTimeout:
            hours = self.execution_timeout.total_seconds() / 3600 if self.execution_timeout else 0
            raise AirflowFailException(
                f"{self.step} took longer than {hours:g} hours and was stopped: see its log, then "
                "clear the task, or set CATWALK_STEP_HOURS or CATWALK_HEAVY_HOURS higher"
            ) from None
        except AirflowSkipException:
            raise
        except Exception as error:
            if whose(error) is None:
                raise  # a bug of ours
            raise AirflowException(told(error, lambda: Places.load().home)) from None

    def approved_by(self, context: Context) -> str:
        """Who said yes to what this step does; empty: nobody was asked."""
        return ""

    def reason(self, context: Context) -> str:
        """What started the run, where this step notes it."""
        return ""

    def on_kill(self) -> None:
        step_process.stop_running()


def or_skipped(facts: dict[str, Any]) -> dict[str, Any]:
    """The facts of a step.

    Raises:
        AirflowSkipException: the run has nothing to do; what follows is skipped too.
    """
    if facts.get("nothing_new"):
        raise AirflowSkipException(facts["nothing_new"])
    return facts


def check_fields(params: Mapping[str, Any]) -> None:
    """A run's configuration has only fields of the trigger form; Airflow itself takes any.

    Raises:
        UserError: one is unknown; names the nearest.
    """
    known = [*FIELDS, RUN_NAME]
    for name in params:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1, cutoff=0.0)[0]
            raise UserError(
                f"the run's configuration has {name!r}, which is no field of the trigger form: "
                f"did you mean {near!r}?"
            )
