"""Trials run in a process that is replaced after a few of them.

A process that has trained models neither gives back all its memory nor lets go of the GPU, so a
long search in one process dies and keeps the device from the steps after it. The process that
leads a search never builds a model.
"""

from __future__ import annotations

import logging
import os
import signal
import time
import traceback
from collections.abc import Mapping
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, Self

from model_zoo.data.dataset import Dataset
from model_zoo.errors import UserError
from model_zoo.files import NO_ROOM, cannot_write
from model_zoo.lean_keras import import_keras
from model_zoo.progress import Reporter, part
from model_zoo.settings import Places, Project
from model_zoo.tuning.devices import VISIBLE
from model_zoo.tuning.framework_process import begin, framework_context
from model_zoo.tuning.trial import Result, read_result, write_result

# A model of Keras that was built and forgotten leaves memory behind: ten share a process.
TRIALS_PER_PROCESS = 10
TRACEBACK = "traceback.txt"  # of a failed trial, in its folder
END_SECONDS = 5.0


class TrialProcess:
    """Trains trials one after the other; use it as a context manager.

    The process ends with its owner, however that one ends.

    Attributes:
        name: by which the oracle knows it, and people.
    """

    def __init__(
        self,
        project: Project,
        places: Places,
        dataset: Dataset,
        folder: Path,
        name: str,
        device: str | None = None,
        reports: Path | None = None,
    ) -> None:
        """
        Args:
            project: with a precision that is decided (``training.precision``).
            folder: of the search or the share whose trials it runs.
            device: the only GPU that it may use, as CUDA names it; None: what the framework finds.
            reports: the file where it leaves what it works on; None: nobody watches.
        """
        self.name = name
        self._folder = folder
        self._arguments = (project, places, dataset, folder, name, device, reports)
        self._reports = reports
        self._context = framework_context()
        self._process: Any = None
        self._trials = 0
        self._given: tuple[str, dict[str, Any], float] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    @property
    def connection(self) -> Connection:
        """Ready to be read when the trial has ended, or the process has."""
        return self._connection

    def warm_up(self) -> None:
        """Start the process, so that it imports the framework while its owner does other things."""
        used_up = self._trials == TRIALS_PER_PROCESS
        if self._process is None or used_up or not self._process.is_alive():
            self._end()
            self._start()

    def start(self, trial: str, values: Mapping[str, Any]) -> None:
        """Have ``trial`` trained; :meth:`result` waits for its end."""
        self.warm_up()
        self._trials += 1
        self._given = (trial, dict(values), time.time())
        with suppress(OSError):  # the process is gone already: `result` says so
            self._connection.send((trial, dict(values)))

    def result(self) -> Result:
        """How the trial that was started ended; a failed one has a result too.

        Raises:
            UserError: what no other trial would survive either; one sentence.
        """
        assert self._given is not None
        trial, values, started = self._given
        try:
            kind, sentence = self._connection.recv()
        except (EOFError, OSError):
            self._process.join(END_SECONDS)
            kind, sentence = "failed", f"its process ended with status {self._process.exitcode}"
            self._end()
        if kind == "mistake":
            raise UserError(sentence)
        if kind == "failed":
            seconds = round(time.time() - started, 3)
            failed = Result(trial, values, self.name, started, seconds, error=sentence)
            write_result(self._folder, failed)
        found = read_result(self._folder, trial)
        assert found is not None
        return found

    def _start(self) -> None:
        self._trials = 0
        self._connection, theirs = self._context.Pipe()
        self._process = self._context.Process(
            target=_train_on_request,
            args=(dict(os.environ), theirs, *self._arguments),
            name="trial",
            daemon=True,
        )
        self._process.start()
        theirs.close()  # so that the end of the process is the end of the pipe

    def _end(self) -> None:
        if self._process is None:
            return
        self._connection.close()
        self._process.join(0.2)  # one that waits for a request ends by itself
        self._process.terminate()
        self._process.join(END_SECONDS)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
        self._process = None
        if self._reports is not None:
            self._reports.unlink(missing_ok=True)  # a process that was killed has left it


def first_to_end(processes: list[TrialProcess]) -> list[TrialProcess]:
    """Wait until one of the trials that were started has ended; gives those that have."""
    ready = wait([process.connection for process in processes])
    return [process for process in processes if process.connection in ready]


def _train_on_request(
    environment: dict[str, str],
    requests: Connection,
    project: Project,
    places: Places,
    dataset: Dataset,
    folder: Path,
    name: str,
    device: str | None,
    reports: Path | None,
) -> None:
    """The process: takes (trial, values), answers (kind, sentence)."""
    begin(environment)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the owner, who ends this process
    # Several processes may share a GPU; by default the first would take all of its memory.
    os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    if device is not None:  # a framework looks when it first computes, and not again
        os.environ[VISIBLE] = device
    for noisy in ("tensorflow", "absl"):
        logging.getLogger(noisy).setLevel(logging.ERROR)
    say = Reporter(print, reports)
    with part(say, "starting Keras"):
        import_keras()  # while nobody waits for it

        import model_zoo.tuning.trial  # noqa: F401
        from model_zoo.plugin_registry import discover

    discover(places.plugins_dir)
    while True:
        try:
            trial, values = requests.recv()
        except EOFError:
            return
        requests.send(train_trial(project, dataset, folder, trial, values, name, say))


def train_trial(
    project: Project,
    dataset: Dataset,
    folder: Path,
    trial: str,
    values: dict[str, Any],
    name: str,
    say: Reporter,
) -> tuple[str, str]:
    """Run a trial; how it ended, ``ended``, ``failed`` or ``mistake``, and the sentence of that."""
    from model_zoo.tuning.trial import run_trial, trial_folder

    try:
        run_trial(project, dataset, folder, trial, values, name, say)
    except Exception as error:
        trial_folder(folder, trial).mkdir(parents=True, exist_ok=True)
        (trial_folder(folder, trial) / TRACEBACK).write_text(traceback.format_exc())
        return _in_words(error, folder)
    return "ended", ""


def _in_words(error: Exception, folder: Path) -> tuple[str, str]:
    if isinstance(error, OSError) and error.errno in NO_ROOM:
        error = cannot_write(error.filename or folder, error)
    if isinstance(error, UserError):
        return "mistake", str(error)
    first = (str(error).strip() or "no reason given").splitlines()[0]
    return "failed", f"{type(error).__name__}: {first}"
