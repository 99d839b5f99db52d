"""Memory over a long search: the process that leads it, and the one that trains the trials.

    python -m benchmarks.search_memory [--trials 100] [--per-process 10]

A random search on images that are drawn (`tests/plugins/drawings.py`) with a backbone of two
convolutions, one epoch a trial: what grows is the framework's share, not the model's. Resident
memory is read after every trial. With `--per-process` as large as `--trials` all of them share one
process, as in plain KerasTuner.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import tempfile
from pathlib import Path

import numpy as np
import psutil

from benchmarks.timing import machine
from model_zoo.data.source import SOURCES
from model_zoo.plugin_registry import discover
from model_zoo.registry.client import connect
from model_zoo.registry.experiment import ensure_experiment
from model_zoo.registry.store import store_of
from model_zoo.settings import Places, load_project
from model_zoo.tuning import search, trial_process

PLUGINS = Path(__file__).parent.parent / "tests" / "plugins"
IMAGES, HELD_OUT = 320, 160


def resident(process: int) -> float:
    """Resident memory in MiB."""
    return float(psutil.Process(process).memory_info().rss) / 2**20


def measure(trials: int, per_process: int, home: Path) -> tuple[list[float], list[float]]:
    """MiB of the leader and of the trial's process after each trial."""
    places = Places.load(home=home, plugins_dir=PLUGINS)
    given = {
        "data.source": "drawings",
        "model.backbone": "tiny",
        "model.image_size": 28,
        "model.weights": "none",
        "search.algorithm": "random",
        "search.epochs": 1,
        "search.trials": trials,
        "training.batch_size": 32,
        "training.precision": "float32",
    }
    project = load_project(None, given, places)
    discover(places.plugins_dir)
    found = SOURCES.get(project.data.source)(project.data, places, print)
    store = store_of(project, places)
    parent = connect(store).create_run(ensure_experiment(store)).info.run_id
    leader: list[float] = []
    trainer: list[float] = []

    def after_trial(sentence: str) -> None:
        (child,) = multiprocessing.active_children()
        leader.append(resident(os.getpid()))
        trainer.append(resident(child.pid or 0))

    trial_process.TRIALS_PER_PROCESS = per_process
    search(
        project,
        places,
        found.dataset,
        found.training.take(np.arange(IMAGES)),
        found.training.take(np.arange(IMAGES, IMAGES + HELD_OUT)),
        home / "tuning",
        parent,
        after_trial,
    )
    return leader, trainer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--trials", type=int, default=100, help="default: 100")
    parser.add_argument("--per-process", type=int, default=trial_process.TRIALS_PER_PROCESS)
    given = parser.parse_args()
    print(machine("keras", "keras-tuner", "tensorflow-cpu"), flush=True)
    with tempfile.TemporaryDirectory() as home:
        leader, trainer = measure(given.trials, given.per_process, Path(home))
    print(f"{given.trials} trials, a new process after {given.per_process}\n")
    print("  after trial   leader MiB   trial process MiB")
    for number in range(given.per_process, len(leader) + 1, given.per_process):
        print(f"  {number:11}{leader[number - 1]:13.0f}{trainer[number - 1]:20.0f}")
    half = len(leader) // 2
    for name, found in (("leader", leader), ("trial process", trainer)):
        print(
            f"  {name}: at most {max(found):.0f} MiB; most in the second half to most in the "
            f"first {max(found[half:]) / max(found[:half]):.2f}"
        )


if __name__ == "__main__":
    main()
