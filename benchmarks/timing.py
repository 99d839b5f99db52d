"""What the benchmarks share: times taken in turn, the machine's name, the commit."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from model_zoo.processor import processor_name, usable_cores


def in_turn(
    ways: dict[str, Callable[[], Any]],
    repeats: int,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, float]:
    """Milliseconds of each way: the least of ``repeats`` rounds, after one to warm up.

    All ways are run once a round, so that what else the machine does falls on all of them alike;
    the least is what a way needs when nothing disturbs it (as ``timeit`` advises).
    """
    times: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(repeats + 1):
        for name, way in ways.items():
            started = clock()
            way()
            if turn:
                times[name].append(1000 * (clock() - started))
    return {name: min(values) for name, values in times.items()}


def revision() -> str:
    """The commit of this checkout, or that it is not known."""
    asked = ["git", "-C", str(Path(__file__).parent), "rev-parse", "HEAD"]
    return _answer(asked) or "unknown"


def machine(*packages: str) -> str:
    """Processor, cores, load and the versions of ``packages``: the evidence behind a figure."""
    versions = "".join(f", {name} {importlib.metadata.version(name)}" for name in packages)
    load = os.getloadavg()[0]
    cards = _answer(["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]).splitlines()
    return (
        f"{processor_name()}, {usable_cores()} cores, {''.join(f'{card}, ' for card in cards)}"
        f"load {load:.1f} at the start; "
        f"Python {platform.python_version()}{versions}"
    )


def _answer(command: list[str]) -> str:
    """What a program prints; empty where there is none, or it fails."""
    if shutil.which(command[0]) is None:
        return ""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""
