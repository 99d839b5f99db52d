"""Run one step of the workflow in a fresh process: no state shared with Airflow, none left over.

TensorFlow must not be forked (CUDA breaks) and does not give its memory back; a process a step
solves both, and a step that dies takes nothing with it.
"""

from __future__ import annotations

import importlib.util
import json
import math
import os
import queue
import re
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import IO, Any

from launcher import owned_process
from launcher.progress.speaker import EVERY_SECONDS, Speaker
from launcher.progress.words import in_a_line
from model_zoo.errors import AWAY_STATUS, Unavailable, UserError
from model_zoo.files import cannot_write, read_json, write_json
from model_zoo.progress import read_reports
from model_zoo.runs.folder import progress_folder, run_folder
from model_zoo.settings import Places, Project

USER_ERROR_STATUS = 2
COMPUTING = ("tune", "search_share", "train")  # by the backend that the project names
LOG = "steps.log"  # in the run's folder: what every step printed
# What TensorFlow's C++ side prints before anybody can ask it not to.
CHATTER = re.compile(
    r"^(WARNING: All log messages before absl|[IWE]\d{4} \d\d:\d\d)|^I0000 |^fully_quantize: "
    r"|^INFO: Created TensorFlow Lite"
)
RUNNING: set[subprocess.Popen[str]] = set()  # what a kill of this process has to end
TERM_SECONDS = 3.0  # Airflow kills its own task process 5 s after asking it to stop


class StepFailed(Exception):
    """The step's process ended badly, and not because of a user's mistake."""


def run_step(
    step: str,
    project: Project,
    places: Places,
    run_name: str,
    given: dict[str, Any],
    on_line: Callable[[str], None],
    module: str = "model_zoo.runs.runner",
    speak_every: float | None = EVERY_SECONDS,
    approved_by: str = "",
    reason: str = "",
) -> dict[str, Any]:
    """Run ``step`` of the run ``run_name`` and return its facts.

    Args:
        given: values by dotted names that beat the project's own.
        on_line: receives each line that the step prints, and between them what it works on.
        speak_every: seconds after which that is told; None: somebody else does.
        approved_by: who said yes to the promotion, where somebody was asked.
        reason: what started the run, in words; empty: somebody's hand.

    Raises:
        UserError: the step found a user's mistake; its sentence.
        Unavailable: what it needs is away for now.
        StepFailed: the step crashed or was stopped.
    """
    env = _environment(step, project.training.backend, places)
    folder = run_folder(places, project.name, run_name)
    failure = folder / "failure.json"
    failure.unlink(missing_ok=True)
    arguments = [step, "--run", run_name, "--project", str(project.file)]
    arguments += ["--set", json.dumps(given)]
    if approved_by:
        arguments += ["--approved-by", approved_by]
    if reason:
        arguments += ["--reason", reason]
    last: deque[str] = deque(maxlen=1)
    reports, started = progress_folder(places, folder, step), time.monotonic()

    def what_stands() -> str:
        now = time.monotonic()
        return in_a_line(read_reports(reports), now, now - started)

    speaker = Speaker(what_stands, on_line, speak_every or math.inf)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise cannot_write(folder, error) from None
    with (
        (folder / LOG).open("a") as log,
        _started(owned_process.command(module, *arguments), env) as process,
    ):
        assert process.stdout is not None
        for line in _lines(process.stdout):
            text = line.rstrip()
            if not text:
                speaker.tick()
            if text and not CHATTER.match(text):
                last.append(text)
                log.write(f"{step}: {text}\n")
                log.flush()
                on_line(text)
                speaker.heard()
        status = process.wait()
    if status == 0:
        facts: dict[str, Any] = read_json(folder / f"{step}.json")
        return facts
    sentence = last[0] if last else "it printed nothing"
    write_json(failure, {"step": step, "sentence": sentence, "status": status})
    if status == USER_ERROR_STATUS:
        raise UserError(sentence)
    if status == AWAY_STATUS:
        raise Unavailable(sentence)
    stopped_by = -status if status < 0 else status - 128  # as shells tell it
    how = f"was stopped by signal {stopped_by}" if stopped_by > 0 else f"ended with status {status}"
    raise StepFailed(f"step {step} {how}; its last line: {sentence}")


def _lines(stream: IO[str]) -> Iterator[str]:
    """What a process prints, and an empty line whenever that is nothing for a second."""
    arrived: queue.Queue[str | None] = queue.Queue()

    def read() -> None:
        for line in stream:
            arrived.put(line)
        arrived.put(None)

    threading.Thread(target=read, name="step-output", daemon=True).start()
    while True:
        try:
            line = arrived.get(timeout=1.0)
        except queue.Empty:
            yield ""
            continue
        if line is None:
            return
        yield line


def _environment(step: str, chosen: str, places: Places) -> dict[str, str]:
    """The step's environment: our places, and Keras' backend, which it takes from there."""
    computes = step.partition(".")[0] in COMPUTING
    backend = chosen if computes else "tensorflow"
    if importlib.util.find_spec(backend) is None:
        raise UserError(
            f"backend {backend} is not installed: pip install 'catwalk[{backend}]', or set "
            "training.backend to tensorflow"
        )
    ours = {"PYTHONUNBUFFERED": "1", "KERAS_BACKEND": backend}
    return os.environ | places.as_variables() | ours


@contextmanager
def _started(command: list[str], env: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    """A process in a session of its own; on leaving, nothing of it is left."""
    process = subprocess.Popen(
        command,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    # The owner's own parent may be killed without a word (Airflow's task supervisor is): then the
    # owner would read on for ever, so it lets go of the step.
    RUNNING.add(process)
    owned_process.when_gone(os.getppid(), lambda: stop(process))
    # What the step leaves behind holds its pipe open, and would be waited for as long as it lives.
    threading.Thread(target=_end_with, args=(process,), daemon=True).start()
    try:
        yield process
    finally:
        stop(process)
        RUNNING.discard(process)


def _end_with(process: subprocess.Popen[str]) -> None:
    """Once a process has ended, so does all that it started."""
    process.wait()
    _signal_group(process.pid, signal.SIGKILL)


def stop_running() -> None:
    """End the step that this process waits for, if any."""
    for process in tuple(RUNNING):
        stop(process)


def stop(process: subprocess.Popen[str]) -> None:
    """End a process started in its own session, and all that it started."""
    _signal_group(process.pid, signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        process.wait(TERM_SECONDS)
    _signal_group(process.pid, signal.SIGKILL)
    process.wait()


def _signal_group(group: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):  # all of it has ended
        os.killpg(group, number)
