"""A lock that MLflow itself carries, so that it holds for all homes of one server.

MLflow has no call that waits for another, but it numbers the versions of a registered model one
after the other, never gives a number twice, and deletes exactly the one that is named. So a model
``<model>-lock`` has a version, a *ticket*, for everybody who wants to move an alias: whoever has
the lowest number goes first and deletes it when done (the lock of Apache ZooKeeper's recipes,
https://zookeeper.apache.org/doc/current/recipes.html#sc_recipes_Locks).

A ticket says who made it. That of a process which died on this machine is deleted at once; any
other when it is older than :data:`LEASE_SECONDS`, by the server's clock. An owner writes nothing
once :data:`OWN_SECONDS` have passed since it took its ticket. The rest of the lease is longer than
a request of ours may take, so what a late owner sent has arrived, or never will.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from model_zoo.errors import UserError

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion
    from mlflow.exceptions import MlflowException

WAIT_SECONDS = 60.0
OWN_SECONDS = 120.0
LEASE_SECONDS = 180.0  # two retries of 20 s each lie between
POLL_SECONDS = 0.2
SOURCE = "catwalk://ticket/none"  # MLflow wants a place of files; a ticket has none
OWNER, MACHINE = "owner", "machine"


class Taken(UserError):
    """Somebody else is moving an alias."""


def lock_of(model: str) -> str:
    """The registered model whose versions are the tickets for ``model``."""
    return f"{model}-lock"


def own_marks() -> dict[str, str]:
    """What tells this process from every other one, and names it to people."""
    return {OWNER: f"process {os.getpid()} on {socket.gethostname()}", MACHINE: _machine()}


def is_over(marks: Mapping[str, str], age_seconds: float) -> bool:
    """Whether nobody stands behind a ticket any more.

    Args:
        marks: its tags, as :func:`own_marks` gave them.
    """
    if age_seconds > LEASE_SECONDS:
        return True
    if marks.get(MACHINE) != _machine():
        return False
    number = marks.get(OWNER, "").split(" ")[1:2]
    return bool(number) and number[0].isdigit() and not Path("/proc", number[0]).exists()


class Ticket:
    """Ours, once it is the lowest."""

    def __init__(self, number: int, taken: float) -> None:
        self.number = number
        self._taken = taken

    def check(self) -> None:
        """Raises Taken when so much time has passed that another may go on in our place."""
        if time.monotonic() - self._taken > OWN_SECONDS:
            raise Taken("MLflow answered so slowly that others may go on meanwhile: run it again")


@contextmanager
def ticket(client: MlflowClient, model: str) -> Iterator[Ticket]:
    """Hold the lock of ``model``.

    Raises:
        Taken: another one holds it for longer than :data:`WAIT_SECONDS`; says who.
    """
    lock, taken = lock_of(model), time.monotonic()
    mine = _take(client, lock)
    number = int(mine.version)
    try:
        while (ahead := _ahead(client, lock, mine, time.monotonic() - taken)) is not None:
            if time.monotonic() - taken > WAIT_SECONDS:
                raise Taken(
                    f"another promotion of {model} is under way ({ahead}): run this again once it "
                    f"has ended; if it died, in {LEASE_SECONDS / 60:.0f} minutes at the latest"
                )
            time.sleep(POLL_SECONDS)
        yield Ticket(number, taken)
    finally:
        with suppress(Exception):  # it runs out by itself; what was done is done
            client.delete_model_version(lock, str(number))


def _take(client: MlflowClient, lock: str) -> ModelVersion:
    from mlflow.exceptions import MlflowException

    for tries_left in (4, 3, 2, 1, 0):
        try:
            return client.create_model_version(lock, SOURCE, tags=own_marks(), await_creation_for=0)
        except MlflowException as error:
            if error.error_code == "RESOURCE_DOES_NOT_EXIST" or _is_unknown(client, lock, error):
                _make(client, lock)
            elif not tries_left or "Giving up" not in str(error):  # others took theirs just then
                raise
    raise Taken(f"{lock} gives no ticket: run it again")


def _is_unknown(client: MlflowClient, lock: str, error: MlflowException) -> bool:
    """Whether a server with a log-in denies what is not there: it has nobody to have allowed it."""
    from mlflow.exceptions import MlflowException

    if error.error_code != "PERMISSION_DENIED":
        return False
    try:
        client.get_registered_model(lock)
    except MlflowException as answer:
        return str(answer.error_code) == "RESOURCE_DOES_NOT_EXIST"
    return False


def _make(client: MlflowClient, lock: str) -> None:
    from mlflow.exceptions import MlflowException

    try:
        client.create_registered_model(
            lock,
            description="Catwalk's lock for moving `production`: a version is a ticket, and is "
            "there for seconds. Do not delete this model: its numbers must go on.",
        )
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise


def _ahead(client: MlflowClient, lock: str, mine: ModelVersion, waited: float) -> str | None:
    """Who is before us; tickets that are over are deleted on the way."""
    from model_zoo.registry.client import is_absent

    for one in sorted(client.search_model_versions(f"name='{lock}'"), key=lambda o: int(o.version)):
        if int(one.version) >= int(mine.version):
            break
        # Both times are the server's: clocks of two machines are never compared.
        age = (mine.creation_timestamp - one.creation_timestamp) / 1000 + waited
        if not is_over(one.tags, age):
            return str(one.tags.get(OWNER, "somebody"))
        try:
            client.delete_model_version(lock, str(one.version))
        except Exception as error:
            denied = getattr(error, "error_code", "") == "PERMISSION_DENIED"
            if not (is_absent(error) or denied):  # another one deleted it
                raise
    return None


def _machine() -> str:
    """This machine since it was started, and the space in which process numbers mean something."""
    known = [socket.gethostname()]
    with suppress(OSError):
        known.append(Path("/proc/sys/kernel/random/boot_id").read_text().strip())
        known.append(os.readlink("/proc/self/ns/pid"))
    return " ".join(known)
