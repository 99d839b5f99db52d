"""The project's experiment, and the store itself, made once."""

from __future__ import annotations

from model_zoo.errors import UserError
from model_zoo.locks import locked
from model_zoo.registry.client import answered_by
from model_zoo.registry.store import Store


def ensure_experiment(store: Store) -> str:
    """Create the store and the experiment once, serially; return the experiment's id.

    A fresh SQLite file must not be opened by several processes at once: the migration that runs
    at first use is not safe against that. The artifacts of a store on this machine lie in a
    folder that both a server and a direct reader reach.

    Raises:
        UserError: somebody deleted it in MLflow, where its name stays taken.
    """
    with locked(store.home / "mlflow.lock"), answered_by(store) as client:
        experiment = client.get_experiment_by_name(store.experiment)
        if experiment is not None:
            number = str(experiment.experiment_id)
            if experiment.lifecycle_stage != "active":
                raise UserError(
                    f"the experiment {store.experiment!r} was deleted in MLflow at {store.place}: "
                    f"bring it back with `mlflow experiments restore --experiment-id {number}` "
                    f"(and MLFLOW_TRACKING_URI={store.uri}), then run again"
                )
            return number
        location = None if store.server else store.artifact_dir.as_uri()
        return str(client.create_experiment(store.experiment, artifact_location=location))
