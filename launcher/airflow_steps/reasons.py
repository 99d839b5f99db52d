"""Why a run starts: its timetable, or the asset that says that there is a reason."""

from __future__ import annotations

from typing import Any

from airflow.sdk import Asset, AssetAlias, AssetOrTimeSchedule, Context, CronTriggerTimetable

from launcher.airflow_steps.operator import StepOperator
from model_zoo.settings import Places, Project
from model_zoo.settings.project import NEVER

#: Presets of Airflow's that are no times of day or week.
NO_TIMES = ("@once", "@continuous")


def retraining_wanted(project: Project) -> Asset:
    """The asset ``catwalk://<project>/retraining-wanted``: updated when there is a reason."""
    name = f"{project.name}-retraining-wanted"
    return Asset(name=name, uri=f"catwalk://{project.name}/retraining-wanted")


def is_watched(project: Project) -> bool:
    """Whether somebody looks between two runs for new images and decisions on corrections.

    Not where a run is started by hand only.
    """
    return bool(project.retraining.new_images) and project.schedule not in (NEVER, *NO_TIMES)


def schedule_of(project: Project) -> Any:
    """The project's timetable, or the asset if that comes first."""
    if not is_watched(project):
        return project.airflow_schedule
    timetable = CronTriggerTimetable(project.schedule, timezone="UTC")
    return AssetOrTimeSchedule(timetable=timetable, assets=[retraining_wanted(project)])


class IngestOperator(StepOperator):
    """The step ``ingest``, which notes what started the run."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(step="ingest", **kwargs)

    def reason(self, context: Context) -> str:
        """From the events that started the run, or else from the kind of the run."""
        events = context.get("triggering_asset_events") or {}
        told = [one.extra.get("reason", "") for of in events.values() for one in of]
        if told:
            return f"retraining was wanted: {told[-1]}"
        run = context.get("dag_run")
        kind = str(getattr(run, "run_type", "") or "").rpartition(".")[2].lower()
        return {"scheduled": "its timetable", "backfill": "a backfill"}.get(kind, "started by hand")


def outlet_of(project: Project) -> AssetAlias:
    """Stands for the asset once there is a reason: a plain outlet is updated at every look."""
    return AssetAlias(f"{project.name}-retraining-may-be-wanted")


def look(file: str, outlet_events: Any) -> str:
    """One look at a project's source; emits the asset where there is a reason. Says what it saw."""
    from model_zoo.plugin_registry import discover
    from model_zoo.runs import project_data
    from model_zoo.runs.reasons import look_for_a_reason
    from model_zoo.settings import load_project

    places = Places.load()
    project = load_project(file, places=places)
    discover(places.plugins_dir)
    places = places.of(project.name)
    project_data.fetch(places)
    found = look_for_a_reason(project, places)
    if found.wanted:
        extra = {"reason": found.sentence, "new": found.new, "decided": found.decided}
        outlet_events[outlet_of(project)].add(retraining_wanted(project), extra=extra)
    return found.sentence
