"""The network before MLflow, or its database, fails in the middle of a step."""

from __future__ import annotations

import sqlite3
import threading
import time
import uuid
from contextlib import closing
from pathlib import Path

import pytest
from between import network

from model_zoo.registry.client import RegistryUnavailable, connect
from model_zoo.registry.promotion import promote
from model_zoo.registry.run_log import log_epoch, parent_run
from model_zoo.registry.store import Store
from model_zoo.registry.versions import list_versions

LAG = 0.02  # seconds, each way


def behind(url: str, folder: Path, model: str = "") -> Store:
    return Store(folder / "of-a-server", url, "shirts", model or f"shirts-{uuid.uuid4().hex[:8]}")


def epochs_of(store: Store, run_id: str) -> list[int]:
    return [one.step for one in connect(store).get_metric_history(run_id, "train_loss")]


@pytest.fixture(autouse=True)
def without_retries_of_mlflow(monkeypatch: pytest.MonkeyPatch) -> None:
    """They only make a test wait."""
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")


@pytest.mark.fault(
    "MLflow's server restarts, or the network is cut, between two epochs",
    saw="one sentence, exit status 75; the next try goes on",
    lost="nothing",
)
def test_an_epoch_that_cannot_be_logged_is_logged_by_the_next_try(
    mlflow_server: str, another_store: None, tmp_path: Path
) -> None:
    identity = uuid.uuid4().hex
    with network(mlflow_server) as between:
        store = behind(between.url, tmp_path)
        with (
            pytest.raises(RegistryUnavailable, match="does not answer"),
            parent_run(store, tmp_path / "run", identity, "weekly", {}) as run,
        ):
            log_epoch(0, {"loss": 1.0})
            between.is_cut = True
            log_epoch(1, {"loss": 0.5})
        between.is_cut = False
        with parent_run(store, tmp_path / "run", identity, "weekly", {}) as again:
            assert again.info.run_id == run.info.run_id
            for epoch, loss in enumerate((1.0, 0.5)):  # as training reports what it has finished
                log_epoch(epoch, {"loss": loss})
        assert epochs_of(store, run.info.run_id) == [0, 1], "each once"
        assert connect(store).get_run(run.info.run_id).info.status == "FINISHED"


@pytest.mark.fault("the network before MLflow is slow", saw="it takes longer", lost="nothing")
def test_over_a_slow_network_everything_goes_on(
    mlflow_server: str, another_store: None, tmp_path: Path, with_versions
) -> None:
    with network(mlflow_server) as between:
        store = with_versions(behind(between.url, tmp_path))
        between.lag = LAG
        started = time.monotonic()
        with parent_run(store, tmp_path / "run", uuid.uuid4().hex, "weekly", {}) as run:
            log_epoch(0, {"loss": 1.0})
        promote(store, "2")
        assert time.monotonic() - started > 10 * LAG, "it was slow"
        assert epochs_of(store, run.info.run_id) == [0]
        production = [one.version for one in list_versions(store) if "production" in one.aliases]
        assert production == ["2"]


@pytest.mark.fault(
    "MLflow's server takes a request and never answers",
    saw="one sentence after the time-out, exit status 75",
    lost="nothing",
)
def test_a_server_that_never_answers_is_told_after_the_time_out(
    mlflow_server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    with network(mlflow_server) as between:
        between.swallows = True
        with pytest.raises(RegistryUnavailable, match="does not answer"):
            list_versions(behind(between.url, tmp_path))


@pytest.mark.fault(
    "MLflow's database in the home is locked for a while in mid-run",
    saw="the step waits, up to 20 s, and goes on",
    lost="nothing",
)
def test_a_locked_database_is_waited_for(three: Store, another_store: None, tmp_path: Path) -> None:
    with closing(sqlite3.connect(three.home / "mlflow.db", check_same_thread=False)) as other:
        with parent_run(three, tmp_path / "run", "1f", "weekly", {}) as run:
            other.execute("BEGIN EXCLUSIVE")
            threading.Timer(0.5, other.rollback).start()
            started = time.monotonic()
            log_epoch(0, {"loss": 1.0})
            assert time.monotonic() - started > 0.4
            other.execute("BEGIN EXCLUSIVE")
            threading.Timer(0.5, other.rollback).start()
            promote(three, "2")
        assert epochs_of(three, run.info.run_id) == [0]
    assert next(one for one in list_versions(three) if "production" in one.aliases).version == "2"
