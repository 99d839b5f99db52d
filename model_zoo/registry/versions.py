"""The MLflow registry: versions, aliases, promotion, rollback and their history.

Stages are deprecated in MLflow and not used; ``production``, ``previous`` and ``candidate`` are
aliases (https://mlflow.org/docs/latest/ml/model-registry/). Setting an alias is a transaction of
its own without compare-and-set, so a move of ``production`` takes a file lock first.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from model_zoo.config import Settings
from model_zoo.errors import UserError
from model_zoo.registry.served_files import FACTS, MODEL

if TYPE_CHECKING:
    from mlflow import MlflowClient

HISTORY_PREFIX = "production."
SERVED_SUFFIXES = (".onnx", ".tflite", ".keras", ".json")


class RegistryUnavailable(UserError):
    """MLflow does not answer; what was fetched before goes on being served."""


@dataclass(frozen=True)
class Version:
    """One registered version; ``aliases`` are those that point at it now."""

    version: str
    created: datetime
    aliases: tuple[str, ...] = ()
    tags: dict[str, str] = field(default_factory=dict)
    run_id: str = ""


@contextmanager
def locked(settings: Settings, name: str) -> Iterator[None]:
    """Hold an exclusive lock among the processes that share this home."""
    settings.home_dir.mkdir(parents=True, exist_ok=True)
    with (settings.home_dir / f"{name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def connect(settings: Settings) -> MlflowClient:
    """A client of the tracking server; fails within seconds when there is none.

    MLflow's process-wide URIs stay as they are: a thread that follows one registry must not move
    the runs of another.
    """
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "20")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    import mlflow

    return mlflow.MlflowClient(settings.mlflow_uri, settings.mlflow_uri)


@contextmanager
def answered_by(settings: Settings) -> Iterator[MlflowClient]:
    """Yield a client and turn MLflow being away into one sentence."""
    import requests
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield connect(settings)
    except (requests.RequestException, SQLAlchemyError, ConnectionError) as error:
        raise RegistryUnavailable(_away(settings, error)) from error
    except MlflowException as error:
        if isinstance(error.__cause__, (requests.RequestException, SQLAlchemyError)) or (
            error.error_code in ("INTERNAL_ERROR", "TEMPORARILY_UNAVAILABLE")
        ):
            raise RegistryUnavailable(_away(settings, error)) from error
        raise


def _away(settings: Settings, error: Exception) -> str:
    reason = str(error).strip().splitlines()[0][:160] if str(error).strip() else "no answer"
    return (
        f"MLflow at {settings.mlflow_uri} does not answer ({reason}). Start it with "
        "`catwalk up`, or correct CATWALK_TRACKING_URI, then run again"
    )


def prepare(settings: Settings) -> str:
    """Create the store and the experiment once, serially; return the experiment's id.

    A fresh SQLite file must not be opened by several processes at once: the migration that runs
    at first use is not safe against that. The artifacts of a store on this machine lie in a
    folder that both a server and a direct reader reach.
    """
    settings.home_dir.mkdir(parents=True, exist_ok=True)
    with locked(settings, "mlflow"), answered_by(settings) as client:
        experiment = client.get_experiment_by_name(settings.experiment)
        if experiment is not None:
            return str(experiment.experiment_id)
        location = None if settings.tracking_uri else settings.artifact_dir.as_uri()
        return str(client.create_experiment(settings.experiment, artifact_location=location))


def _absent(error: Exception) -> bool:
    code = getattr(error, "error_code", "")
    return code == "RESOURCE_DOES_NOT_EXIST" or (
        code == "INVALID_PARAMETER_VALUE" and "alias" in str(error).lower()
    )


def _as_version(found: Any, aliases: dict[str, str]) -> Version:
    number = str(found.version)
    return Version(
        version=number,
        aliases=tuple(sorted(alias for alias, target in aliases.items() if target == number)),
        tags=dict(found.tags),
        run_id=found.run_id or "",
        created=datetime.fromtimestamp(found.creation_timestamp / 1000, UTC),
    )


def _aliases(client: MlflowClient, settings: Settings) -> dict[str, str]:
    from mlflow.exceptions import MlflowException

    try:
        model = client.get_registered_model(settings.model_name)
    except MlflowException as error:
        if _absent(error):
            return {}
        raise
    return {alias: str(version) for alias, version in model.aliases.items()}


def list_versions(settings: Settings) -> list[Version]:
    """All registered versions, newest first."""
    with answered_by(settings) as client:
        aliases = _aliases(client, settings)
        found = client.search_model_versions(f"name='{settings.model_name}'")
        versions = [_as_version(one, aliases) for one in found]
    return sorted(versions, key=lambda version: -int(version.version))


def find_alias(settings: Settings, alias: str) -> Version | None:
    """The version that ``alias`` points at, or None when nothing carries it."""
    with answered_by(settings) as client:
        number = _aliases(client, settings).get(alias)
    return get_version(settings, number) if number else None


def get_version(settings: Settings, version: str) -> Version:
    """One version by number.

    Raises:
        UserError: there is no such version; names those that there are.
    """
    from mlflow.exceptions import MlflowException

    with answered_by(settings) as client:
        try:
            found = client.get_model_version(settings.model_name, version)
        except MlflowException as error:
            if not (_absent(error) or error.error_code == "INVALID_PARAMETER_VALUE"):
                raise
            found = None
        if found is not None:
            return _as_version(found, _aliases(client, settings))
    known = ", ".join(one.version for one in list_versions(settings)) or "none yet"
    raise UserError(f"no version {version!r} of {settings.model_name}; registered: {known}")


def fetch_served_files(
    settings: Settings, version: str, folder: Path, names: tuple[str, ...] = (FACTS, MODEL)
) -> None:
    """Put files of a version into ``folder``, by default those that are served."""
    import mlflow

    folder.mkdir(parents=True, exist_ok=True)
    with answered_by(settings) as client:
        # Not `models:/...`: MLflow resolves that by its process-wide URI.
        location = client.get_model_version_download_uri(settings.model_name, version)
        for name in names:
            mlflow.artifacts.download_artifacts(
                artifact_uri=f"{location}/{name}",
                dst_path=str(folder),
                tracking_uri=settings.mlflow_uri,
            )


def list_served_files(settings: Settings, version: str) -> list[tuple[str, int]]:
    """The files of a version, as (path, bytes), without MLflow's own notes."""
    import mlflow

    with answered_by(settings) as client:
        location = client.get_model_version_download_uri(settings.model_name, version)
        found = mlflow.artifacts.list_artifacts(
            artifact_uri=location, tracking_uri=settings.mlflow_uri
        )
    return sorted(
        (Path(one.path).name, int(one.file_size or 0))
        for one in found
        if not one.is_dir and Path(one.path).suffix in SERVED_SUFFIXES
    )


def find_runs(settings: Settings, tag: str, value: str) -> list[str]:
    """Ids of the experiment's runs that carry a tag, oldest first."""
    with answered_by(settings) as client:
        experiment = client.get_experiment_by_name(settings.experiment)
        if experiment is None:
            return []
        found = client.search_runs(
            [experiment.experiment_id],
            f"tags.`{tag}` = '{value}'",
            order_by=["attributes.start_time ASC"],
        )
    return [str(run.info.run_id) for run in found]


def fetch_run_file(settings: Settings, run_id: str, path: str, folder: Path) -> Path | None:
    """Put one artifact of a run into ``folder``; None when the run has no such artifact."""
    import mlflow
    from mlflow.exceptions import MlflowException

    parent, _, _ = path.rpartition("/")
    with answered_by(settings) as client:
        try:
            if path not in {one.path for one in client.list_artifacts(run_id, parent or None)}:
                return None
        except MlflowException as error:
            if _absent(error):
                return None
            raise
        fetched = mlflow.artifacts.download_artifacts(
            run_id=run_id,
            artifact_path=path,
            dst_path=str(folder),
            tracking_uri=settings.mlflow_uri,
        )
    return Path(fetched)


def promote(settings: Settings, version: str, reason: str = "by hand") -> Version:
    """Point ``production`` at ``version``; ``previous`` keeps the one that it replaces.

    Running it again changes nothing. The move is written into the registered model's tags, so
    the history of what was in production stays readable in the MLflow UI.

    Raises:
        UserError: no such version, or a model trained on the generated sample would replace one
            trained on real data.
    """
    with locked(settings, "promotion"), answered_by(settings) as client:
        target = get_version(settings, version)
        current = find_alias(settings, "production")
        if current is not None and current.version == target.version:
            return target
        if (
            current is not None
            and target.tags.get("dataset_source") == "sample"
            and current.tags.get("dataset_source") != "sample"
        ):
            raise UserError(
                f"version {target.version} was trained on the generated sample and cannot "
                f"replace version {current.version}, which was trained on real data"
            )
        _move(client, settings, target, current, reason)
    return get_version(settings, version)


def rollback(settings: Settings) -> Version:
    """Swap ``production`` and ``previous``.

    Raises:
        UserError: there is no previous version to go back to.
    """
    with locked(settings, "promotion"), answered_by(settings) as client:
        current = find_alias(settings, "production")
        previous = find_alias(settings, "previous")
        if previous is None or current is None or previous.version == current.version:
            raise UserError("there is no previous version to go back to: promote one first")
        _move(client, settings, previous, current, "rollback")
    return get_version(settings, previous.version)


def _move(
    client: MlflowClient, settings: Settings, target: Version, current: Version | None, reason: str
) -> None:
    name = settings.model_name
    if current is not None:
        client.set_registered_model_alias(name, "previous", current.version)
    client.set_registered_model_alias(name, "production", target.version)
    if "candidate" in target.aliases:
        client.delete_registered_model_alias(name, "candidate")
    moved = datetime.now(UTC).strftime("%Y-%m-%dT%H-%M-%S-%f")
    origin = f"from version {current.version}" if current else "the first"
    client.set_registered_model_tag(
        name, f"{HISTORY_PREFIX}{moved}", f"version {target.version}, {origin}: {reason}"
    )


def history(settings: Settings) -> list[tuple[str, str]]:
    """When ``production`` moved and why, oldest first, as (UTC time, sentence)."""
    from mlflow.exceptions import MlflowException

    with answered_by(settings) as client:
        try:
            tags = client.get_registered_model(settings.model_name).tags
        except MlflowException as error:
            if _absent(error):
                return []
            raise
    moves = [(key, value) for key, value in tags.items() if key.startswith(HISTORY_PREFIX)]
    return [(key.removeprefix(HISTORY_PREFIX), value) for key, value in sorted(moves)]
