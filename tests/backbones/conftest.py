"""The zoo as it is shipped, beside the tests' own plugins."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from model_zoo.backbones import discover
from model_zoo.backbones.registration import BACKBONES

ROOT = Path(__file__).parents[2]


@pytest.fixture
def zoo(small_environment: Path) -> None:
    discover(ROOT / "plugins")
    discover(ROOT / "tests" / "plugins")


@pytest.fixture
def empty_registry(zoo: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing registered; what is shipped has been before, as a module registers only once."""
    monkeypatch.setattr(BACKBONES, "_entries", {})


@pytest.fixture
def catwalk(small_environment: Path) -> Callable[..., tuple[int, str, str]]:
    """Run the command; gives exit status, standard output, standard error."""

    def run(*arguments: str, cwd: Path | None = None, **environment: str) -> tuple[int, str, str]:
        done = subprocess.run(
            [sys.executable, "-m", "launcher.cli", *arguments],
            cwd=cwd,
            env=os.environ | {"PYTHONPATH": str(ROOT)} | environment,
            capture_output=True,
            text=True,
        )
        return done.returncode, done.stdout, done.stderr

    return run
