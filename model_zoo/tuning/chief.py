"""KerasTuner's chief: its gRPC service around the oracle, so that workers can join the search.

KerasTuner's own server loop waits for ever for a worker that was killed, and its client an hour
for a chief that was. So this is its service and protocol with a loop of our own: the address is
published in the search's folder, a worker that falls silent loses its trial to another one, and
a chief that comes back finds its workers again.

The service has no password: it listens on ``settings.host``, which is this machine unless set.
Elsewhere it belongs into a network of its own, as KerasTuner's documentation has it
(https://keras.io/keras_tuner/guides/distributed_tuning/).
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from concurrent import futures
from pathlib import Path
from typing import Any, Self

from model_zoo.config import Settings
from model_zoo.errors import UserError
from model_zoo.files import write_json

ADDRESS = "chief.json"
LOST_SECONDS = 30.0  # six missed signs of life, see `trial_process.HEARTBEAT_SECONDS`
EVERYWHERE = ("", "0.0.0.0", "::")


class Chief:
    """Serves an oracle to workers; use it as a context manager."""

    def __init__(
        self,
        oracle: Any,
        settings: Settings,
        folder: Path,
        leader: str,
        say: Callable[[str], None],
    ) -> None:
        self._oracle = oracle
        self._host = settings.host
        self._address = folder / ADDRESS
        self._leader = leader
        self._say = say
        self._server: Any = None
        self._began = time.monotonic()
        self._heard: dict[str, float] = {}  # when a trial's worker last asked for something

    def __enter__(self) -> Self:
        """Raises UserError when nothing can listen on the host of the settings."""
        import grpc
        from keras_tuner.src import protos

        # KerasTuner's oracles expect one caller at a time.
        self._server = grpc.server(futures.ThreadPoolExecutor(max_workers=1))
        service = _service(self._oracle, self._hear)
        protos.get_service_grpc().add_OracleServicer_to_server(service, self._server)
        host = f"[{self._host}]" if ":" in self._host else self._host or "0.0.0.0"
        try:
            port = self._server.add_insecure_port(f"{host}:0")
        except RuntimeError:
            port = 0
        if not port:
            raise UserError(
                f"the search cannot listen for workers on {self._host!r}: set CATWALK_HOST to an "
                "address of this machine"
            )
        self._server.start()
        reached = _own_address() if self._host in EVERYWHERE else self._host
        write_json(self._address, {"host": reached, "port": port})
        self._say(f"workers may join this search at {reached}:{port}")
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._server.stop(grace=1).wait()
        # After a crash the step is run again, and the workers had better wait for that.
        if kind is None or issubclass(kind, UserError):
            write_json(self._address, {"ended": True})

    def take_back_from_the_lost(self) -> None:
        """Give trials of workers that have been silent for too long to whoever asks next."""
        now = time.monotonic()
        for worker, trial in tuple(self._oracle.ongoing_trials.items()):
            silent = now - self._heard.get(trial.trial_id, self._began)
            if worker != self._leader and silent > LOST_SECONDS:
                taken = self._oracle.take_back(worker)
                if taken is not None:
                    self._say(f"worker {worker} is silent: trial {taken} is run by another one")

    def _hear(self, trial: str) -> None:
        self._heard[trial] = time.monotonic()


def _service(oracle: Any, hear: Callable[[str], None]) -> Any:
    from keras_tuner.src.distribute.oracle_chief import OracleServicer

    class Service(OracleServicer):
        """KerasTuner's own, that notes which trials somebody is at work on."""

        def CreateTrial(self, request: Any, context: Any) -> Any:
            response = super().CreateTrial(request, context)
            hear(response.trial.trial_id)
            return response

        def GetTrial(self, request: Any, context: Any) -> Any:
            hear(request.trial_id)
            return super().GetTrial(request, context)

    return Service(oracle)


def _own_address() -> str:
    """The address by which other machines reach this one; nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # an address for documentation (RFC 5737)
        except OSError:
            return socket.gethostname()
        return str(probe.getsockname()[0])
