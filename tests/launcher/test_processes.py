"""`catwalk up` as a keeper of programs: one that ends comes back, and takes nobody along."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from launcher.local import processes
from launcher.local.machine import Machine
from launcher.local.processes import Patience, run_together
from launcher.local.programs import Program, check_host
from model_zoo.errors import UserError

ENV = os.environ | {"PYTHONUNBUFFERED": "1"}


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def server(name: str) -> tuple[Program, Callable[[], bool]]:
    port = free_port()

    def answers() -> bool:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(f"http://127.0.0.1:{port}", timeout=2):
                return True
        except OSError:
            return False

    arguments = (str(port), "--bind", "127.0.0.1", "--directory", os.path.dirname(__file__))
    return Program(name, "http.server", arguments, answers), answers


def pid_of(program: Program) -> int:
    for child in psutil.Process().children():
        with suppress(psutil.Error):  # it has just ended
            if program.arguments[0] in child.cmdline():
                return child.pid
    return 0


def wait_for(found: Callable[[], bool]) -> None:
    until = time.monotonic() + 60
    while not found() and time.monotonic() < until:
        time.sleep(0.05)


@pytest.mark.fault(
    "MLflow is killed under `catwalk up`",
    saw="which ended and why; it starts again, the page goes on",
    lost="nothing",
)
def test_a_program_that_ends_is_started_again_and_the_others_live_on(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (page, page_answers), (mlflow, mlflow_answers) = server("page"), server("mlflow")
    seen: dict[str, object] = {}

    def play() -> None:
        try:
            before = pid_of(page), pid_of(mlflow)
            os.kill(before[1], signal.SIGKILL)
            wait_for(lambda: pid_of(mlflow) not in (0, before[1]) and mlflow_answers())
            seen["others"] = pid_of(page) == before[0] and page_answers()
            seen["again"] = pid_of(mlflow) not in (0, before[1])
        finally:
            os.kill(os.getpid(), signal.SIGTERM)

    ready = threading.Thread(target=play)
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"]) as bystander:
        status = run_together(
            [page, mlflow], ENV, tmp_path, ready.start, patience=Patience(pauses=(0.2,))
        )
        lives = bystander.poll() is None
        bystander.kill()
    assert lives, "a child of the caller's own is nobody's to end"
    ready.join()
    assert status == 0 and seen == {"others": True, "again": True}
    said = capfd.readouterr().out
    assert "mlflow ended with status -9 (" in said
    assert "it starts again in 0.2 s, the others go on" in said
    assert not page_answers() and not mlflow_answers(), "nothing is left"


@pytest.mark.fault(
    "a program of `catwalk up` ends at each start",
    saw="pauses that grow, then its last lines",
    lost="nothing",
)
def test_one_that_never_stays_up_is_given_up_with_its_last_lines(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "LOG_BYTES", 3000)
    page, page_answers = server("page")
    talks = Program("talks", "calendar", ("2026",), lambda: False)  # 2 kB, then it ends
    patience = Patience(pauses=(0.1, 0.3))
    assert run_together([page, talks], ENV, tmp_path, lambda: None, patience=patience) == 1
    said = capfd.readouterr().out
    assert "starts again in 0.1 s" in said and "starts again in 0.3 s" in said
    assert "talks ended 3 times soon after its start, the last time with status 0" in said
    assert said.splitlines()[-1].strip() == "30", "its last lines: September 2026 ends"
    assert not page_answers()
    logs = sorted(path.name for path in tmp_path.iterdir())
    assert logs == ["page.log", "talks.log", "talks.log.1"]
    assert all(path.stat().st_size <= 3000 for path in tmp_path.iterdir()), "a log has an end"


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.7", "box.example.org"])
def test_servers_without_a_password_are_shown_to_nobody_else(
    host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CATWALK_HOST", host)
    with pytest.raises(UserError, match=r"which have no password here"):
        check_host(Machine.load())


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost", "127.0.0.2"])
def test_this_machine_alone_is_fine(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CATWALK_HOST", host)
    check_host(Machine.load())
