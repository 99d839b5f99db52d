"""Trials run in a process that is replaced after a few of them.

A process that has trained models neither gives back all its memory nor lets go of the GPU, so a
long search in one process dies and keeps the device from the steps after it. The process that
leads a search never builds a model.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import threading
import traceback
from collections.abc import Callable, Mapping
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, Self

from model_zoo.config import Settings
from model_zoo.data.dataset import Dataset
from model_zoo.errors import UserError
from model_zoo.files import NO_ROOM, cannot_write

# Starting one costs the import of the framework, some seconds of a processor: ten share that.
TRIALS_PER_PROCESS = 10
TRACEBACK = "traceback.txt"  # of a failed trial, in its folder
HEARTBEAT_SECONDS = 5.0
END_SECONDS = 5.0


class TrialFailed(Exception):
    """A trial ended badly; another one may end well."""


class TrialProcess:
    """Trains trials one after the other; use it as a context manager.

    The process is started at once, so that it imports the framework while its owner does other
    things, and ends with its owner, however that one ends.
    """

    def __init__(self, settings: Settings, dataset: Dataset, folder: Path, worker: str) -> None:
        self._arguments = (settings, dataset, folder, worker)
        # A forked process would share the parent's locks and, on a GPU, its broken CUDA context.
        self._context = multiprocessing.get_context("spawn")
        self._process: Any = None
        self._start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def run(
        self,
        trial: str,
        values: Mapping[str, Any],
        while_waiting: Callable[[], object] = lambda: None,
    ) -> None:
        """Train ``trial``; its result then lies in the search's folder.

        Args:
            while_waiting: called every few seconds until the trial has ended.

        Raises:
            UserError: what no other trial would survive either; one sentence.
            TrialFailed: this trial went wrong; one sentence. Where there is more to say, it lies
                in the trial's folder.
        """
        used_up = self._trials == TRIALS_PER_PROCESS
        if self._process is None or used_up or not self._process.is_alive():
            self._end()
            self._start()
        self._trials += 1
        try:
            self._connection.send((trial, dict(values)))
            while not self._connection.poll(HEARTBEAT_SECONDS):
                while_waiting()
            kind, sentence = self._connection.recv()
        except (EOFError, OSError):
            self._process.join(END_SECONDS)
            status = self._process.exitcode
            self._end()
            raise TrialFailed(f"its process ended with status {status}") from None
        if kind == "mistake":
            raise UserError(sentence)
        if kind == "failed":
            raise TrialFailed(sentence)

    def _start(self) -> None:
        self._trials = 0
        self._connection, theirs = self._context.Pipe()
        self._process = self._context.Process(
            target=_train_on_request, args=(theirs, *self._arguments), name="trial", daemon=True
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


def _train_on_request(
    requests: Connection, settings: Settings, dataset: Dataset, folder: Path, worker: str
) -> None:
    """The process: takes (trial, values), answers (kind, sentence)."""
    threading.Thread(target=_end_with_owner, daemon=True).start()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the owner, who ends this process
    # Several workers may share a GPU; by default the first would take all of its memory.
    os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
    for name in ("tensorflow", "absl"):
        logging.getLogger(name).setLevel(logging.ERROR)
    import keras  # noqa: F401  # while nobody waits for it

    from model_zoo import backbones
    from model_zoo.tuning.trial import run_trial, trial_folder

    backbones.discover(settings.plugins_dir)
    while True:
        try:
            trial, values = requests.recv()
        except EOFError:
            return
        answer = ("ended", "")
        try:
            run_trial(settings, dataset, folder, trial, values, worker)
        except Exception as error:
            answer = _in_words(error, folder)
            (trial_folder(folder, trial) / TRACEBACK).write_text(traceback.format_exc())
        requests.send(answer)


def _in_words(error: Exception, folder: Path) -> tuple[str, str]:
    if isinstance(error, OSError) and error.errno in NO_ROOM:
        error = cannot_write(error.filename or folder, error)
    if isinstance(error, UserError):
        return "mistake", str(error)
    first = (str(error).strip() or "no reason given").splitlines()[0]
    return "failed", f"{type(error).__name__}: {first}"


def _end_with_owner() -> None:
    owner = multiprocessing.parent_process()
    assert owner is not None
    wait([owner.sentinel])
    os._exit(1)
