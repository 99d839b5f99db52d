"""One parent MLflow run a workflow run, found again by every step and after every kill."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from model_zoo.errors import UserError
from model_zoo.files import read_json, write_json
from model_zoo.registry.client import answered_by, is_absent
from model_zoo.registry.experiment import ensure_experiment
from model_zoo.registry.run_files import find_runs
from model_zoo.registry.store import Store

if TYPE_CHECKING:
    from mlflow import ActiveRun

#: Holds the random identity that a run's folder was given; names may be the same.
RUN_TAG = "catwalk.run"
NOTE = "mlflow_run.json"


def parent_run_id(
    store: Store, folder: Path, identity: str, name: str, tags: Mapping[str, str]
) -> str:
    """The MLflow run of this workflow run; made at the first call, then the same for ever.

    Raises:
        UserError: it was deleted in MLflow, or this is another MLflow than the one that has it.

    Args:
        folder: of the run; what is found is noted there.
        identity: of the run, by which MLflow's is found.
        name: for people.
        tags: of a run that is made now, beside its identity and the source's revision.
    """
    note = folder / NOTE
    if note.exists():
        known_id = str(read_json(note)["run_id"])
        _check_run(store, known_id, name)
        return known_id
    experiment = ensure_experiment(store)
    known = find_runs(store, RUN_TAG, identity)
    if known:
        run_id = known[0]
    else:
        own = {RUN_TAG: identity, "mlflow.source.git.commit": git_revision()}
        with answered_by(store) as client:
            run = client.create_run(experiment, run_name=name, tags={**tags, **own})
            run_id = str(run.info.run_id)
    write_json(note, {"run_id": run_id})
    return run_id


def _check_run(store: Store, run_id: str, name: str) -> None:
    from mlflow.exceptions import MlflowException

    with answered_by(store) as client:
        try:
            stage = client.get_run(run_id).info.lifecycle_stage
        except MlflowException as error:
            if not is_absent(error):
                raise
            raise UserError(
                f"MLflow at {store.place} has no run {run_id}, which the run {name!r} is logged "
                "to: it was deleted for good, or this is another MLflow. Point "
                "CATWALK_TRACKING_URI to the one that has it, or start a run of another name"
            ) from None
    if stage != "active":
        raise UserError(
            f"the run {run_id} of {name!r} was deleted in MLflow at {store.place}: bring it back "
            f"with `mlflow runs restore --run-id {run_id}` (and MLFLOW_TRACKING_URI={store.uri}), "
            "or start a run of another name"
        )


@contextmanager
def parent_run(
    store: Store, folder: Path, identity: str, name: str, tags: Mapping[str, str]
) -> Iterator[ActiveRun]:
    """Make the parent run the active one; a failure inside marks it FAILED, a stop KILLED."""
    run_id = parent_run_id(store, folder, identity, name, tags)
    import mlflow

    # The fluent functions that the steps log with know only one store a process.
    mlflow.set_tracking_uri(store.uri)
    mlflow.set_registry_uri(store.uri)
    with answered_by(store) as client:
        try:
            with mlflow.start_run(run_id=run_id) as run:
                yield run
        except (KeyboardInterrupt, SystemExit):
            client.set_terminated(run_id, "KILLED")
            raise


def close_interrupted_trials(store: Store, parent: str) -> int:
    """Mark nested runs that a kill left RUNNING as KILLED; returns how many there were."""
    experiment = ensure_experiment(store)
    with answered_by(store) as client:
        running = client.search_runs(
            [experiment],
            f"tags.`mlflow.parentRunId` = '{parent}' and attributes.status = 'RUNNING'",
        )
        for run in running:
            client.set_terminated(run.info.run_id, "KILLED")
    return len(running)


#: Images in a step of training, as it was in the end: halved where the device had no room.
TRAINED_BATCH = "trained_batch_size"


def log_found(found: Mapping[str, Any]) -> None:
    """Values that the active run found out, as its parameters.

    MLflow never changes a parameter. A step that is done again may find another value (another
    precision may be quicker by then): that is a tag of the same name, and :func:`params_of` has it.
    """
    import mlflow

    run = mlflow.active_run()
    assert run is not None
    known = mlflow.MlflowClient().get_run(run.info.run_id).data
    values = {name: str(value) for name, value in found.items()}
    mlflow.log_params({name: one for name, one in values.items() if name not in known.params})
    changed = {name: one for name, one in values.items() if known.params.get(name, one) != one} | {
        name: one for name, one in values.items() if name in known.tags
    }
    if changed:
        mlflow.set_tags(changed)


def params_of(params: Mapping[str, str], tags: Mapping[str, str]) -> dict[str, str]:
    """The parameters of a run as they stand: what was found anew is in tags of their names."""
    return {name: tags.get(name, value) for name, value in params.items()}


def metric_name(curve: str) -> str:
    """A curve of Keras as MLflow has it.

    Every metric of a run is ``<part>_<metric>``, the part being ``train``, ``val`` or ``test``:
    Keras leaves ``train`` out.
    """
    return curve if curve.startswith("val_") else f"train_{curve}"


def log_epoch(epoch: int, curves: dict[str, float]) -> None:
    """Log an epoch to the active run, unless a try that was killed has logged it already."""
    import mlflow

    metrics = {metric_name(name): value for name, value in curves.items()}

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
