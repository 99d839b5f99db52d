"""Registered versions and the aliases that point at them.

Stages are deprecated in MLflow and not used; ``production``, ``previous`` and ``candidate`` are
aliases (https://mlflow.org/docs/latest/ml/model-registry/).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from model_zoo.errors import UserError
from model_zoo.registry.client import answered_by, is_absent
from model_zoo.registry.store import Store

if TYPE_CHECKING:
    from mlflow import MlflowClient


@dataclass(frozen=True)
class Version:
    """One registered version; ``aliases`` are those that point at it now."""

    version: str
    created: datetime
    aliases: tuple[str, ...] = ()
    tags: dict[str, str] = field(default_factory=dict)
    run_id: str = ""

    @property
    def generated(self) -> bool:
        """Whether it learned from generated images."""
        return self.tags.get("generated") == "true"


def list_versions(store: Store) -> list[Version]:
    """All registered versions, newest first."""
    with answered_by(store) as client:
        aliases = _aliases(client, store)
        found = client.search_model_versions(f"name='{store.model}'")
        versions = [_as_version(one, aliases) for one in found]
    return sorted(versions, key=lambda version: -int(version.version))


def find_alias(store: Store, alias: str) -> Version | None:
    """The version that ``alias`` points at, or None when nothing carries it."""
    with answered_by(store) as client:
        number = _aliases(client, store).get(alias)
    return get_version(store, number) if number else None


def get_version(store: Store, version: str) -> Version:
    """One version by number.

    Raises:
        UserError: there is no such version; names those that there are.
    """
    from mlflow.exceptions import MlflowException

    with answered_by(store) as client:
        try:
            found = client.get_model_version(store.model, version)
        except MlflowException as error:
            if not (is_absent(error) or error.error_code == "INVALID_PARAMETER_VALUE"):
                raise
            found = None
        if found is not None:
            return _as_version(found, _aliases(client, store))
    known = ", ".join(one.version for one in list_versions(store)) or "none yet"
    raise UserError(f"no version {version!r} of {store.model}; registered: {known}")


def _as_version(found: Any, aliases: dict[str, str]) -> Version:
    number = str(found.version)
    return Version(
        version=number,
        aliases=tuple(sorted(alias for alias, target in aliases.items() if target == number)),
        tags=dict(found.tags),
        run_id=found.run_id or "",
        created=datetime.fromtimestamp(found.creation_timestamp / 1000, UTC),
    )


def _aliases(client: MlflowClient, store: Store) -> dict[str, str]:
    from mlflow.exceptions import MlflowException

    try:
        model = client.get_registered_model(store.model)
    except MlflowException as error:
        if is_absent(error):
            return {}
        raise
    return {alias: str(version) for alias, version in model.aliases.items()}
