"""Whatever computes uses what its processor has, unless a person said otherwise."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from model_zoo import processor
from model_zoo.processor import ONEDNN

ROOT = Path(__file__).parents[1]
X86 = pytest.mark.skipif(
    processor.platform.machine().lower() not in processor.X86, reason="oneDNN is for x86"
)


def in_a_process(code: str, **variables: str) -> list[str]:
    """The lines that a fresh process prints, which starts without our switch."""
    bare = {name: value for name, value in os.environ.items() if name != ONEDNN}
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport os, sys\n{SAYS}"],
        env=bare | variables,
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


SAYS = f"print(os.environ.get({ONEDNN!r}), 'tensorflow' in sys.modules)"


@X86
@pytest.mark.parametrize(
    "entry",
    [
        "import model_zoo",  # a notebook, a plugin
        "import model_zoo.runs.runner",  # a step in a process of its own
        "import model_zoo.tuning.trial_process",  # trials, and the page's examples
        "import launcher.cli.run",  # a command that computes here
        "import benchmarks.timing",  # every benchmark
    ],
)
def test_every_process_that_computes_gets_onednn_before_tensorflow(entry: str) -> None:
    assert in_a_process(entry) == ["1 False"]


@pytest.mark.parametrize("own", ["0", "1"])
def test_a_persons_own_setting_stands(own: str) -> None:
    assert in_a_process("import model_zoo", **{ONEDNN: own}) == [f"{own} False"]


@pytest.mark.parametrize(("kind", "found"), [("AMD64", "1"), ("aarch64", None), ("arm64", None)])
def test_only_x86_is_switched(kind: str, found: str | None, monkeypatch) -> None:
    monkeypatch.setattr(processor.platform, "machine", lambda: kind)
    monkeypatch.delenv(ONEDNN, raising=False)
    processor.turn_on_onednn()
    assert os.environ.get(ONEDNN) == found
