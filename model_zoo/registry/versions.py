"""Registered versions and the aliases that point at them.

Stages are deprecated in MLflow and not used; ``production``, ``previous`` and ``candidate`` are
aliases (https://mlflow.org/docs/latest/ml/model-registry/). A server is asked by MLflow's client,
the database in a home is read as it lies there.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from model_zoo.errors import UserError
from model_zoo.registry import database
from model_zoo.registry.client import answered_by, is_absent, usable
from model_zoo.registry.served_files import FACTS_TAG
from model_zoo.registry.set_by_hand import edited_tags, share_in
from model_zoo.registry.store import Store

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion, RegisteredModel

#: Tag of a version: the digest of what it is, whoever registered it.
CONTENT_TAG = "content_sha256"
#: Tags without which a version cannot be judged or served.
NEEDED_TAGS = ("project", "generated", FACTS_TAG)
PAGE = 200  # registered models in one answer of MLflow


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

    @property
    def accuracy(self) -> float | None:
        """Of the test part, as its tag says; None where that is missing or no share of 1."""
        return share_in(self.tags, "accuracy")


def list_versions(store: Store) -> list[Version]:
    """All registered versions, newest first."""
    aliases = aliases_of(store)
    return [_with_aliases(one, aliases) for one in _versions(store)]


def find_alias(store: Store, alias: str) -> Version | None:
    """The version that ``alias`` points at, or None when nothing carries it."""
    aliases = aliases_of(store)
    if alias not in aliases:
        return None
    found = _version(store, aliases[alias])
    return None if found is None else _with_aliases(found, aliases)


def alias_of_all(store: Store, alias: str) -> dict[str, str]:
    """Which version ``alias`` points at, by registered model, whatever project ``store`` is of."""
    if not store.server:
        with usable(store):
            return database.read_alias_of_all(store.home, alias)
    found: dict[str, str] = {}
    token: str | None = None
    with answered_by(store) as client:
        while True:
            some = client.search_registered_models(max_results=PAGE, page_token=token)
            found |= {one.name: str(one.aliases[alias]) for one in some if alias in one.aliases}
            token = some.token
            if not token:
                return found


def get_version(store: Store, version: str) -> Version:
    """One version by number.

    Raises:
        UserError: there is no such version; names those that there are.
    """
    found = _version(store, version)
    if found is None:
        known = ", ".join(one.version for one in _versions(store)) or "none yet"
        raise UserError(
            f"no version {version!r} of {store.model} in {store.place}; registered: {known}"
        )
    return _with_aliases(found, aliases_of(store))


def check_origin(store: Store, version: Version) -> None:
    """A version was registered by this project, in this layout.

    Raises:
        UserError: another project or another program made it; says which.
    """
    whose = version.tags.get("project")
    if whose is not None and whose != store.experiment:
        raise UserError(
            f"version {version.version} of {store.model} was registered by the project "
            f"{whose!r}, not by {store.experiment!r}: choose one of `catwalk versions`"
        )
    missing = [tag for tag in NEEDED_TAGS if tag not in version.tags]
    if missing:
        raise UserError(
            f"version {version.version} of {store.model} was registered by another program or an "
            f"older Catwalk: it lacks the tags {', '.join(missing)}. Register one with a new run"
        )

    edited = edited_tags(version.version, version.tags, ("generated",))
    if edited:
        raise UserError(edited[0])


def content_of(version: Version) -> str:
    """What tells one model from another: two versions of the same content are the same model."""
    return version.tags.get(CONTENT_TAG) or f"version {version.version}"


def model_tags(store: Store) -> dict[str, str]:
    """The tags of the registered model; none where nothing is registered."""
    if not store.server:
        with usable(store):
            return database.read_tags(store.home, store.model)
    model = _registered_model(store)
    return dict(model.tags) if model else {}


def aliases_of(store: Store) -> dict[str, str]:
    """Which version each alias points at, whoever set it."""
    if not store.server:
        with usable(store):
            return database.read_aliases(store.home, store.model)
    model = _registered_model(store)
    return {alias: str(number) for alias, number in model.aliases.items()} if model else {}


def _versions(store: Store) -> list[Version]:
    """Newest first, their aliases left out."""
    if not store.server:
        with usable(store):
            return [from_row(one) for one in database.read_versions(store.home, store.model)]
    with answered_by(store) as client:
        found = client.search_model_versions(f"name='{store.model}'")
        return sorted(map(from_client, found), key=lambda version: -int(version.version))


def _version(store: Store, number: str) -> Version | None:
    if not store.server:
        return next((one for one in _versions(store) if one.version == number), None)
    from mlflow.exceptions import MlflowException

    with answered_by(store) as client:
        try:
            return from_client(client.get_model_version(store.model, number))
        except MlflowException as error:
            # A server with a log-in denies what is not there: everybody may read what is.
            if is_absent(error) or error.error_code in (
                "INVALID_PARAMETER_VALUE",
                "PERMISSION_DENIED",
            ):
                return None
            raise


def _registered_model(store: Store) -> RegisteredModel | None:
    from mlflow.exceptions import MlflowException

    with answered_by(store) as client:
        try:
            return client.get_registered_model(store.model)
        except MlflowException as error:
            if is_absent(error):
                return None
            raise


def from_row(row: database.Row) -> Version:
    """As the database of a home has it, its aliases left out."""
    return Version(row.version, _moment(row.created), (), row.tags, row.run_id)


def from_client(found: ModelVersion) -> Version:
    """As MLflow's client has it, its aliases left out."""
    created = _moment(found.creation_timestamp)
    return Version(str(found.version), created, (), dict(found.tags), found.run_id or "")


def _moment(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def _with_aliases(version: Version, aliases: dict[str, str]) -> Version:
    own = sorted(alias for alias, number in aliases.items() if number == version.version)
    return replace(version, aliases=tuple(own))
