"""A worker: runs trials for the chief of a search, on this machine or another one.

Chief and workers share the run's folder; over KerasTuner's gRPC service go proposals and scores.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from model_zoo.config import Settings
from model_zoo.data.dataset import Dataset
from model_zoo.errors import UserError
from model_zoo.files import read_json
from model_zoo.tuning.chief import ADDRESS
from model_zoo.tuning.leader import run_and_keep
from model_zoo.tuning.oracle import report
from model_zoo.tuning.trial_process import TrialProcess

POLL_SECONDS = 0.5
ANSWER_SECONDS = 10.0
WAIT_SECONDS = 3600.0  # as long as KerasTuner's own client waits for a chief


class NoChief(Exception):
    """No chief answers at present; one may come back."""


def join(
    settings: Settings,
    dataset: Dataset,
    folder: Path,
    worker: str,
    over: Callable[[], bool],
    say: Callable[[str], None] = print,
) -> int:
    """Run trials for the search in ``folder`` until there are no more; returns how many.

    A worker that was killed and runs again under the same name gets its trial back. One that
    loses its chief goes on with its trial, then waits for the next chief and reports to that.

    Args:
        worker: name among the search's workers: w1, w2, ...
        over: whether the search is known to have ended.

    Raises:
        UserError: no chief for an hour, or what no trial on this machine would survive.
    """
    chief = ChiefLine(folder, worker)
    ran = 0
    with TrialProcess(settings, dataset, folder, worker) as process:
        while not over() and not chief.ended:
            try:
                trial = chief.create_trial(worker)
                if trial.status == "STOPPED":
                    break
                if trial.status != "RUNNING":
                    time.sleep(POLL_SECONDS)
                    continue
                result = run_and_keep(process, folder, trial, worker, chief.sign_of_life(trial))
                say(f"trial {result.trial}: {result.error or f'validation {result.accuracy:.2%}'}")
                report(chief, trial, result)
                ran += 1
            except NoChief:
                if time.monotonic() - chief.heard > WAIT_SECONDS:
                    raise UserError(
                        f"no chief of the search in {folder} for {WAIT_SECONDS / 60:.0f} minutes: "
                        "run the step `tune` of this run, then this one again"
                    ) from None
                time.sleep(POLL_SECONDS)
    return ran


class ChiefLine:
    """KerasTuner's client, connected to whichever chief the search's folder names.

    Attributes:
        heard: ``time.monotonic()`` of the last answer.
    """

    def __init__(self, folder: Path, worker: str) -> None:
        self._path = folder / ADDRESS
        self._worker = worker
        self._address: dict[str, Any] = {}
        self._client: Any = None
        self.heard = time.monotonic()

    @property
    def ended(self) -> bool:
        """The chief has left word that the search is over."""
        return bool(self._published().get("ended"))

    def create_trial(self, worker: str) -> Any:
        return self._ask("create_trial", worker)

    def update_trial(self, trial: str, metrics: dict[str, float], step: int = 0) -> Any:
        return self._ask("update_trial", trial, metrics, step)

    def end_trial(self, trial: Any) -> None:
        self._ask("end_trial", trial)

    def sign_of_life(self, trial: Any) -> Callable[[], None]:
        """A function that tells the chief, if there is one, that ``trial`` is being run."""

        def tell() -> None:
            with suppress(NoChief):
                self._ask("get_trial", trial.trial_id)

        return tell

    def _ask(self, question: str, *arguments: Any) -> Any:
        import grpc

        address = self._published()
        if "port" not in address:
            raise NoChief
        if address != self._address:
            self._client, self._address = _client(address, self._worker), address
        try:
            answer = getattr(self._client, question)(*arguments)
        except grpc.RpcError:
            raise NoChief from None
        self.heard = time.monotonic()
        return answer

    def _published(self) -> dict[str, Any]:
        try:
            found: dict[str, Any] = read_json(self._path)
        except FileNotFoundError:
            return {}
        return found


def _client(address: dict[str, Any], worker: str) -> Any:
    """KerasTuner's client, which reads its part and its chief from the environment."""
    from keras_tuner.src.distribute.oracle_client import OracleClient

    os.environ["KERASTUNER_TUNER_ID"] = worker
    os.environ["KERASTUNER_ORACLE_IP"] = str(address["host"])
    os.environ["KERASTUNER_ORACLE_PORT"] = str(address["port"])
    client = OracleClient(None)
    client.stub = _Impatient(client.stub)
    return client


class _Impatient:
    """A stub whose calls wait for seconds where KerasTuner's client would wait for an hour."""

    def __init__(self, stub: Any) -> None:
        self._stub = stub

    def __getattr__(self, name: str) -> Callable[..., Any]:
        call = getattr(self._stub, name)
        return lambda request, **_: call(request, wait_for_ready=True, timeout=ANSWER_SECONDS)
