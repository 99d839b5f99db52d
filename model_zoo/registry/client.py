"""A client of MLflow, and MLflow being away as one sentence."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from model_zoo.errors import UserError
from model_zoo.registry import database
from model_zoo.registry.store import Store

if TYPE_CHECKING:
    from mlflow import MlflowClient


class RegistryUnavailable(UserError):
    """MLflow does not answer; what was fetched before goes on being served."""


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
    from mlflow import MlflowClient

    return MlflowClient(store.uri, store.uri)


@contextmanager
def answered_by(store: Store) -> Iterator[MlflowClient]:
    """Yield a client and turn MLflow being away into one sentence.

    Raises:
        RegistryUnavailable: it does not answer.
    """
    import requests
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    with usable(store):
        try:
            yield connect(store)
        except (requests.RequestException, SQLAlchemyError, ConnectionError) as error:
            raise _away(store, error) from error
        except MlflowException as error:
            if isinstance(error.__cause__, (requests.RequestException, SQLAlchemyError)) or (
                error.error_code in ("INTERNAL_ERROR", "TEMPORARILY_UNAVAILABLE")
            ):
                raise _away(store, error) from error
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
        raise _away(store, error) from error


def _away(store: Store, error: Exception) -> RegistryUnavailable:
    reason = str(error).strip().splitlines()[0][:160] if str(error).strip() else "no answer"
    return RegistryUnavailable(
        f"MLflow at {store.uri} does not answer ({reason}). Start it with `catwalk up`, or "
        "correct CATWALK_TRACKING_URI, then run again"
    )


def is_absent(error: Exception) -> bool:
    """Whether MLflow says that it has no such model, version, alias or run."""
    code = getattr(error, "error_code", "")
    return code == "RESOURCE_DOES_NOT_EXIST" or (
        code == "INVALID_PARAMETER_VALUE" and "alias" in str(error).lower()
    )
