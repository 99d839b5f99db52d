"""A step's process: what it leaves behind is ended, and Keras computes by the project's backend."""

from __future__ import annotations

import time
from pathlib import Path

import psutil
import pytest

from launcher import step_process
from model_zoo.errors import UserError
from model_zoo.settings import Places, Project

LEAVES_A_CHILD = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print(child.pid, flush=True)
print("memory is full", flush=True)
sys.exit(2)
"""
SAYS_ITS_BACKEND = """
import os, sys
print(os.environ["KERAS_BACKEND"], flush=True)
sys.exit(2)
"""


@pytest.fixture
def here(places: Places, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Places:
    """A home of its own, and a folder of modules that stand in for the steps' runner."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    (tmp_path / "leaves_a_child.py").write_text(LEAVES_A_CHILD)
    (tmp_path / "says_its_backend.py").write_text(SAYS_ITS_BACKEND)
    return places.model_copy(update={"home": tmp_path / "home"})


def test_a_child_that_holds_the_pipe_is_not_waited_for(here: Places, project: Project) -> None:
    seen: list[str] = []
    started = time.monotonic()
    with pytest.raises(UserError, match="memory is full"):
        step_process.run_step(
            "tune", project, here, "left", {}, seen.append, module="leaves_a_child"
        )
    assert time.monotonic() - started < 60
    until = time.monotonic() + 10
    while _lives(int(seen[0])):
        assert time.monotonic() < until, "what the step left behind lives on"
        time.sleep(0.05)


def _lives(number: int) -> bool:
    try:
        return psutil.Process(number).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.mark.parametrize(
    ("step", "backend"),
    [("ingest", "tensorflow"), ("train", "jax"), ("search_share.1-of-2", "jax")],
)
def test_search_and_training_compute_by_the_backend_of_the_project(
    here: Places,
    project: Project,
    monkeypatch: pytest.MonkeyPatch,
    step: str,
    backend: str,
) -> None:
    monkeypatch.setattr(step_process.importlib.util, "find_spec", lambda name: name)
    jax = project.with_values({"training.backend": "jax"})
    with pytest.raises(UserError, match=f"^{backend}$"):
        step_process.run_step(step, jax, here, "b", {}, lambda line: None, "says_its_backend")


def test_a_backend_that_is_not_installed(
    here: Places, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(step_process.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"backend tensorflow is not installed: pip install"):
        step_process.run_step("train", project, here, "b", {}, lambda line: None)
