"""Runs by their tags, and the files that they carry."""

from __future__ import annotations

from pathlib import Path

from model_zoo.registry.client import answered_by, is_absent
from model_zoo.registry.store import Store


def find_runs(store: Store, tag: str, value: str) -> list[str]:
    """Ids of the experiment's runs that carry a tag, oldest first."""
    with answered_by(store) as client:
        experiment = client.get_experiment_by_name(store.experiment)
        if experiment is None:
            return []
        found = client.search_runs(
            [experiment.experiment_id],
            f"tags.`{tag}` = '{value}'",
            order_by=["attributes.start_time ASC"],
        )
    return [str(run.info.run_id) for run in found]


def fetch_run_file(store: Store, run_id: str, path: str, folder: Path) -> Path | None:
    """Put one artifact of a run into ``folder``; None when the run has no such artifact."""
    import mlflow
    from mlflow.exceptions import MlflowException

    parent, _, _ = path.rpartition("/")
    with answered_by(store) as client:
        try:
            if path not in {one.path for one in client.list_artifacts(run_id, parent or None)}:
                return None
        except MlflowException as error:
            if is_absent(error):
                return None
            raise
        fetched = mlflow.artifacts.download_artifacts(
            run_id=run_id, artifact_path=path, dst_path=str(folder), tracking_uri=store.uri
        )
    return Path(fetched)
