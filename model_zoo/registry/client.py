"""A client of MLflow, and MLflow being away as one sentence."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from model_zoo.errors import Unavailable, UserError
from model_zoo.registry import database
from model_zoo.registry.store import Store

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException


#: What to do, by words in what SQLite says (https://www.sqlite.org/rescode.html).
REMEDIES = {
    "locked": "another program holds it, end that one",
    "readonly": "allow this user to write it",
    "permission": "allow this user to read it",
    "unable to open": "allow this user to read and write it and its folder",
    "disk": "free space on its disk",
    "not a database": "take it from a backup, or move it away to begin anew",
    "malformed": "take it from a backup, or move it away to begin anew",
}

#: What MLflow and SQLite say about tables of another version.
OLDER = ("out-of-date database schema", "no such column", "no such table")


class RegistryUnavailable(Unavailable):
    """MLflow cannot be asked; what was fetched before goes on being served.

    Attributes:
        in_short: the same without addresses and paths, for those outside.
        passes: as of :class:`Unavailable`.
    """

    def __init__(
        self, sentence: str, in_short: str = "MLflow does not answer", *, passes: bool = True
    ) -> None:
        super().__init__(sentence)
        self.in_short, self.passes = in_short, passes


class HomeMoved(RegistryUnavailable):
    """The folder in which everything lies is not where it was."""


def connect(store: Store) -> MlflowClient:
    """A client of the store; fails within seconds when there is no server.

    A home that was moved is put right first. MLflow's process-wide URIs stay as they are: a
    thread that follows one registry must not move the runs of another.
    """
    if not store.server:
        database.relocate(store.home)
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "20")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    # Files come from the server itself: it would send us on to its store, which the page, for one,
    # does not reach.
    os.environ.setdefault("MLFLOW_ENABLE_PROXY_MULTIPART_DOWNLOAD", "false")
    from mlflow import MlflowClient

    return MlflowClient(store.uri, store.uri)


@contextmanager
def answered_by(store: Store) -> Iterator[MlflowClient]:
    """Yield a client and turn MLflow being away, or in trouble itself, into one sentence.

    Raises:
        RegistryUnavailable: it does not answer, or not with an answer.
    """
    import requests
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    with usable(store):
        try:
            yield connect(store)
        except (requests.RequestException, SQLAlchemyError, ConnectionError) as error:
            raise _of_no_use(store, error) from error
        except MlflowException as error:
            behind = error.__cause__ or error.__context__
            if isinstance(behind, (requests.RequestException, SQLAlchemyError)):
                raise _of_no_use(store, error) from error
            if error.error_code in ("UNAUTHENTICATED", "PERMISSION_DENIED"):
                raise _refused(store, error) from error
            if error.error_code in ("INTERNAL_ERROR", "TEMPORARILY_UNAVAILABLE"):
                raise _of_no_use(store, error, answers=True) from error
            raise


@contextmanager
def usable(store: Store) -> Iterator[None]:
    """Turn a database in a home that is of no use into one sentence.

    Raises:
        RegistryUnavailable: it is damaged, locked for long, or not a database.
    """
    try:
        yield
    except sqlite3.Error as error:
        raise _of_no_use(store, error) from error


def _of_no_use(store: Store, error: Exception, answers: bool = False) -> RegistryUnavailable:
    """The sentence for a registry that cannot be asked: where it is, why, and what to do.

    Args:
        answers: a server does, and what it says is an error of its own.
    """
    reason = str(error).strip().splitlines()[0][:160] if str(error).strip() else "no answer"
    if not store.server and not store.home.is_dir():
        return _home_moved(store)
    if any(words in reason for words in OLDER):
        return _older(store)
    if not store.server:
        return RegistryUnavailable(
            f"MLflow's database {store.home / database.FILE} cannot be used ({reason}): "
            f"{_remedy(reason)}, then run again",
            "MLflow's database cannot be used",
            passes="locked" in reason,
        )
    if answers:
        return RegistryUnavailable(
            f"MLflow at {store.uri} answers with an error of its own ({reason}): its log says "
            "more. Run again once that is mended",
            "MLflow answers with an error of its own",
        )
    return RegistryUnavailable(
        f"MLflow at {store.uri} does not answer ({reason}). Start it with `catwalk up`, or "
        "correct CATWALK_TRACKING_URI, then run again"
    )


def _refused(store: Store, error: MlflowException) -> UserError:
    who = os.environ.get("MLFLOW_TRACKING_USERNAME")
    if error.error_code == "PERMISSION_DENIED" and who:
        return UserError(
            f"MLflow at {store.uri} lets {who!r} read and not change this: set "
            "MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD to a user who may"
        )
    return UserError(
        f"MLflow at {store.uri} wants a log-in: set MLFLOW_TRACKING_USERNAME and "
        "MLFLOW_TRACKING_PASSWORD, then run again"
    )


def _older(store: Store) -> RegistryUnavailable:
    where = store.uri if store.server else store.home / database.FILE
    how = (
        "`python -m launcher.cli upgrade --backed-up` in its container brings it up to date"
        if store.server
        else "stop `catwalk up`, then `catwalk upgrade` copies it and brings it up to date"
    )
    return RegistryUnavailable(
        f"MLflow's database {where} is of another version of MLflow: {how}",
        "MLflow's database is of another version",
        passes=False,
    )


def check_home(store: Store) -> None:
    """For whoever has read something there before: a home that is not there now was moved.

    Raises:
        HomeMoved: it is.
    """
    if not store.server and not store.home.is_dir():
        raise _home_moved(store)


def _home_moved(store: Store) -> HomeMoved:
    return HomeMoved(
        f"the home folder {store.home} is not there: it was moved, or its disk is not mounted. Set "
        "CATWALK_HOME to where it is, then start again",
        "the home folder is not there",
        passes=False,
    )


def _remedy(reason: str) -> str:
    """What to do about an error of SQLite, by its words."""
    found = (remedy for words, remedy in REMEDIES.items() if words in reason.lower())
    return next(found, "look at the file, or take it from a backup")


def is_absent(error: Exception) -> bool:
    """Whether MLflow says that it has no such model, version, alias or run."""
    code = getattr(error, "error_code", "")
    return code == "RESOURCE_DOES_NOT_EXIST" or (
        code == "INVALID_PARAMETER_VALUE" and "alias" in str(error).lower()
    )
