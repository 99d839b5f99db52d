"""Alone with the aliases and tags of one registered model: to look, decide and write.

In the database of a home that is one SQLite transaction, so a kill leaves all of it or nothing. A
server is asked for one write after the other, behind a ticket (``tickets.py``); what a kill leaves
half done there is told by the intent that was written first (``promotion.py``).
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from model_zoo.errors import UserError
from model_zoo.registry import database, tickets
from model_zoo.registry.client import answered_by, is_absent, usable
from model_zoo.registry.store import Store
from model_zoo.registry.versions import Version, from_client, from_row

if TYPE_CHECKING:
    from mlflow import MlflowClient


@dataclass(frozen=True)
class Write:
    """One thing to write; ``value`` None deletes.

    Attributes:
        kind: ``alias`` (its value is a version), ``tag`` of the model, or ``version tag``.
        version: whose tag it is.
    """

    kind: str
    name: str
    value: str | None
    version: str = ""


class Registry(Protocol):
    """What is seen and written while nobody else writes."""

    def aliases(self) -> dict[str, str]: ...

    def tags(self) -> dict[str, str]: ...

    def version(self, number: str) -> Version | None: ...

    def write(self, write: Write) -> None: ...


@contextmanager
def alone_with(store: Store) -> Iterator[Registry]:
    """Nobody else moves an alias of the store's model until the block ends.

    Raises:
        Taken: somebody else does, for a long time.
        UserError: the home has no database yet.
        RegistryUnavailable: MLflow does not answer.
    """
    if store.server:
        with (
            answered_by(store) as client,
            tickets.ticket(client, store.model) as own,
        ):
            yield _Server(client, store.model, own)
        return
    if not database.is_made(store.home / database.FILE):
        raise UserError(
            f"nothing of {store.experiment} is registered yet in {store.place}: run `catwalk demo`"
        )
    with usable(store):
        until = time.monotonic() + tickets.WAIT_SECONDS
        while True:
            with database.transaction(store.home) as connection:
                holder = _ticket_of_another(connection, store.model)
                if holder is None:
                    yield _Home(connection, store.model)
                    return
            if time.monotonic() > until:
                raise tickets.Taken(
                    f"another promotion of {store.model} is under way ({holder}): run this again "
                    "once it has ended"
                )
            time.sleep(tickets.POLL_SECONDS)


def _ticket_of_another(connection: sqlite3.Connection, model: str) -> str | None:
    """Who works through a server on the same database, if anybody."""
    for one in database.versions_in(connection, tickets.lock_of(model)):
        if not tickets.is_over(one.tags, time.time() - one.created / 1000):
            return one.tags.get(tickets.OWNER, "somebody")
    return None


@dataclass(frozen=True)
class _Home:
    connection: sqlite3.Connection
    model: str

    def aliases(self) -> dict[str, str]:
        return database.aliases_in(self.connection, self.model)

    def tags(self) -> dict[str, str]:
        return database.tags_in(self.connection, self.model)

    def version(self, number: str) -> Version | None:
        found = database.versions_in(self.connection, self.model)
        return next((from_row(one) for one in found if one.version == number), None)

    def write(self, write: Write) -> None:
        if write.kind == "alias":
            database.write_alias(self.connection, self.model, write.name, write.value)
        else:
            database.write_tag(self.connection, self.model, write.name, write.value, write.version)


class _Server:
    """What was read once is not asked for again: nobody else writes."""

    def __init__(self, client: MlflowClient, model: str, ticket: tickets.Ticket) -> None:
        self.client, self.model, self.ticket = client, model, ticket
        self._versions: dict[str, Version | None] = {}
        self._registered: tuple[dict[str, str], dict[str, str]] | None = None

    def aliases(self) -> dict[str, str]:
        return dict(self._aliases_and_tags()[0])

    def tags(self) -> dict[str, str]:
        return dict(self._aliases_and_tags()[1])

    def _aliases_and_tags(self) -> tuple[dict[str, str], dict[str, str]]:
        from mlflow.exceptions import MlflowException

        if self._registered is None:
            try:
                found = self.client.get_registered_model(self.model)
                aliases = {alias: str(number) for alias, number in found.aliases.items()}
                self._registered = aliases, dict(found.tags)
            except MlflowException as error:
                if not is_absent(error):
                    raise
                self._registered = {}, {}
        return self._registered

    def version(self, number: str) -> Version | None:
        from mlflow.exceptions import MlflowException

        if number not in self._versions:
            try:
                found = from_client(self.client.get_model_version(self.model, number))
                self._versions[number] = found
            except MlflowException as error:
                gone = ("INVALID_PARAMETER_VALUE", "PERMISSION_DENIED")  # as versions.py has it
                if not is_absent(error) and error.error_code not in gone:
                    raise
                self._versions[number] = None
        return self._versions[number]

    def write(self, write: Write) -> None:
        from mlflow.exceptions import MlflowException

        self.ticket.check()
        try:
            self._write(write)
        except MlflowException as error:
            if not is_absent(error):
                raise
            raise UserError(
                f"version {write.value or write.version} of {self.model} was deleted in MLflow "
                "meanwhile: choose one of `catwalk versions`"
            ) from error
        if write.version:
            self._versions.pop(write.version, None)
            return
        known = self._aliases_and_tags()[0 if write.kind == "alias" else 1]
        known.pop(write.name, None)
        if write.value is not None:
            known[write.name] = write.value

    def _write(self, write: Write) -> None:
        client, model = self.client, self.model
        if write.kind == "alias":
            if write.value is None:
                client.delete_registered_model_alias(model, write.name)
            else:
                client.set_registered_model_alias(model, write.name, write.value)
        elif write.version and write.value is None:
            client.delete_model_version_tag(model, write.version, write.name)
        elif write.version:
            client.set_model_version_tag(model, write.version, write.name, write.value)
        elif write.value is None:
            client.delete_registered_model_tag(model, write.name)
        else:
            client.set_registered_model_tag(model, write.name, write.value)
