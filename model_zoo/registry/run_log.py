"""One parent MLflow run a workflow run, found again by every step and after every kill."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from model_zoo.config import Settings
from model_zoo.files import read_json, write_json
from model_zoo.registry.versions import answered_by, prepare

if TYPE_CHECKING:
    from mlflow import ActiveRun

RUN_TAG = "catwalk.run_id"


def parent_run_id(settings: Settings, folder: Path) -> str:
    """The MLflow run of this workflow run; made at the first call, then the same for ever."""
    known = folder / "mlflow_run.json"
    if known.exists():
        return str(read_json(known)["run_id"])
    experiment = prepare(settings)
    with answered_by(settings) as client:
        found = client.search_runs([experiment], f"tags.`{RUN_TAG}` = '{folder.name}'")
        run = found[0] if found else client.create_run(
            experiment,
            run_name=folder.name,
            tags={
                RUN_TAG: folder.name,
                "profile": settings.profile,
                "backbone": settings.backbone,
                "weights": settings.weights,
                "mlflow.source.git.commit": git_revision(),
            },
        )  # fmt: skip
    write_json(known, {"run_id": run.info.run_id})
    return str(run.info.run_id)


@contextmanager
def parent_run(settings: Settings, folder: Path) -> Iterator[ActiveRun]:
    """Make the parent run the active one; a failure inside marks it FAILED."""
    run_id = parent_run_id(settings, folder)
    import mlflow

    # The fluent functions that the steps log with know only one store a process.
    mlflow.set_tracking_uri(settings.mlflow_uri)
    mlflow.set_registry_uri(settings.mlflow_uri)
    with answered_by(settings), mlflow.start_run(run_id=run_id) as run:
        yield run


def close_interrupted_trials(settings: Settings, parent: str) -> int:
    """Mark nested runs that a kill left RUNNING as KILLED; returns how many there were."""
    experiment = prepare(settings)
    with answered_by(settings) as client:
        running = client.search_runs(
            [experiment],
            f"tags.`mlflow.parentRunId` = '{parent}' and attributes.status = 'RUNNING'",
        )
        for run in running:
            client.set_terminated(run.info.run_id, "KILLED")
    return len(running)


def close_lost_trial(settings: Settings, parent: str, name: str) -> None:
    """Mark runs of a trial that is about to run again as KILLED.

    MLflow may know a trial as finished that the search does not: its worker was gone before the
    search's own notes reached the disk, or the storage that another worker goes on from.
    """
    experiment = prepare(settings)
    with answered_by(settings) as client:
        for run in client.search_runs(
            [experiment],
            f"tags.`mlflow.parentRunId` = '{parent}' and attributes.run_name = '{name}'",
        ):
            client.set_terminated(run.info.run_id, "KILLED")


def log_epoch(epoch: int, metrics: dict[str, float]) -> None:
    """Log an epoch to the active run, unless a try that was killed has logged it already."""
    import mlflow

    run = mlflow.active_run()
    assert run is not None
    known = mlflow.MlflowClient().get_metric_history(run.info.run_id, next(iter(metrics)))
    if epoch not in {one.step for one in known}:
        mlflow.log_metrics(metrics, step=epoch)


def git_revision() -> str:
    """The commit of the source tree, or "unknown" outside a checkout."""
    folder = Path(__file__).parent
    try:
        found = subprocess.run(
            ["git", "rev-parse", "HEAD"], cwd=folder, capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return found.stdout.strip()
