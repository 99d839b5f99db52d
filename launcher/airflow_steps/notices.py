"""What Airflow tells people by itself: a step that failed or hung, a run that took too long."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from launcher.settings import Notices
from model_zoo.settings import Project

#: As many steps as a run has beside search and training.
STEPS = 6
HEAVY_STEPS = 4


def step_options(notices: Notices, heavy: bool = False) -> dict[str, Any]:
    """Arguments of an operator: how long it may take."""
    return {
        "execution_timeout": timedelta(hours=notices.heavy_hours if heavy else notices.step_hours)
    }


def run_timeout(project: Project, notices: Notices) -> timedelta:
    """How long a run may take in all, the wait for a person included; then the next may begin."""
    hours = STEPS * notices.step_hours + HEAVY_STEPS * notices.heavy_hours
    return timedelta(hours=hours + project.judging.approval_hours)


def tell_of_failure(context: Any) -> None:
    """Callback of a task that failed for good."""
    from launcher.notify import notify

    task = context["ti"]
    error = context.get("exception")
    notify(
        f"Catwalk: {task.task_id} failed in {task.dag_id}",
        f"Run {task.run_id}: {error or 'it was stopped from outside'}\n\n"
        "Once that is mended, clear the failed task: the run goes on where it was.",
    )


def tell_of_late_run(context: Any) -> None:
    """Callback of a run that failed: of a failed task its own callback has told already."""
    from launcher.notify import notify

    if context.get("reason") != "timed_out":
        return
    notify(
        f"Catwalk: {context['dag'].dag_id} took too long",
        f"Run {context['run_id']} was stopped, as it took longer than all its steps may. The next "
        "one can begin.",
    )


def tell_of_approval(project: Project, verdict: dict[str, Any]) -> None:
    """A version waits for a person."""
    from launcher.notify import notify

    version = verdict["version"]
    notify(
        f"Catwalk: version {version} of {project.name} waits for an approval",
        f"{verdict.get('report', '')}\n\nAnswer in Airflow under Required Actions, or with "
        f"`catwalk approve {version} --by NAME --project {project.name}`, within "
        f"{project.judging.approval_hours:g} hours; without an answer it stays candidate.",
    )


def tell_of_promotion(project: str, facts: dict[str, Any]) -> None:
    """Production moved."""
    from launcher.notify import notify

    notify(f"Catwalk: version {facts['version']} of {project} is in production", str(facts["why"]))


def tell_of_age(project: Project) -> str:
    """Tell where no version was registered for ``retraining.expected_weeks``; what was seen."""
    from datetime import UTC, datetime

    from launcher.notify import notify
    from model_zoo.registry.store import store_of
    from model_zoo.registry.versions import list_versions
    from model_zoo.settings import Places

    weeks = project.retraining.expected_weeks
    places = Places.load()
    versions = list_versions(store_of(project, places))
    if not versions:
        return f"no version of {project.name} yet"
    newest = max(versions, key=lambda one: one.created)
    days = (datetime.now(UTC) - newest.created).days
    seen = f"the newest version of {project.name}, {newest.version}, is {days} days old"
    if days >= 7 * weeks:
        notify(
            f"Catwalk: no new version of {project.name} for {days // 7} weeks",
            f"{seen}; one was expected every {weeks:g} weeks. See whether runs fail, are paused, "
            "or find nothing new.",
        )
    return seen
