"""One trial process against several side by side, same search: seconds, their ratio, the best.

    python -m benchmarks.search_processes [--processes 2] [--trials 12] [--epochs 2]
                                          [--images 2000] [--backbone tiny]

The step `tune` of a run, in a process of its own as Airflow runs it, once with one trial process
and once with several (CATWALK_TRIAL_PROCESSES): a random search on images that are drawn. Time is
that of the step from its start to its end, imports included. All processes share this machine's
cores, so the ratio says what one leaves idle; with a GPU for each it is another.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.timing import machine
from model_zoo.files import read_json
from model_zoo.runs.folder import run_folder
from model_zoo.settings import Places

PLUGINS = Path(__file__).parent.parent / "tests" / "plugins"
PROJECT = "fashion-mnist"


def run_step(step: str, run: str, places: Places, values: dict[str, Any]) -> float:
    """Seconds of one step in a process of its own."""
    bare = {name: one for name, one in os.environ.items() if not name.startswith("CATWALK_")}
    command = [sys.executable, "-m", "model_zoo.runs.runner", step, "--run", run]
    command += ["--project", PROJECT, "--set", json.dumps(values)]
    started = time.monotonic()
    done = subprocess.run(command, env=bare | places.as_variables(), stdout=subprocess.DEVNULL)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {done.returncode}")
    return time.monotonic() - started


def measure(home: Path, processes: int, values: dict[str, Any]) -> tuple[float, dict[str, Any]]:
    """Seconds of a search with so many trial processes, and the facts that `tune` found."""
    places = Places.load(home=home, plugins_dir=PLUGINS, trial_processes=processes)
    run = f"processes-{processes}"
    for step in ("ingest", "preprocess"):
        run_step(step, run, places, values)
    seconds = run_step("tune", run, places, values)
    return seconds, read_json(run_folder(places, PROJECT, run) / "tune.json")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--processes", type=int, default=2, help="default: 2")
    parser.add_argument("--trials", type=int, default=12, help="default: 12")
    parser.add_argument("--epochs", type=int, default=2, help="of a trial (default: 2)")
    parser.add_argument("--images", type=int, default=2000, help="of a trial (default: 2000)")
    parser.add_argument("--backbone", default="tiny", help="default: tiny, of the tests")
    given = parser.parse_args()
    print(machine("keras", "keras-tuner", "tensorflow-cpu"), flush=True)
    values = {
        "data.source": "drawings",
        "model.backbone": given.backbone,
        "model.image_size": 28,
        "model.weights": "none",
        "search.algorithm": "random",
        "search.epochs": given.epochs,
        "search.limit": given.images,
        "search.trials": given.trials,
        "training.batch_size": 32,
        "training.precision": "float32",
    }
    with tempfile.TemporaryDirectory() as home:
        found = {n: measure(Path(home), n, values) for n in (1, given.processes)}
    for processes, (seconds, facts) in found.items():
        best = facts["trials"][0]
        print(
            f"  {processes} trial processes: {seconds:6.1f} s, {len(facts['trials'])} trials; "
            f"best trial {best['trial']} with {best['val_accuracy']:.4f}"
        )
    (alone, one), (together, several) = found.values()
    same = all(one["trials"][0][k] == several["trials"][0][k] for k in ("trial", "val_accuracy"))
    print(
        f"  {given.processes} processes took {together / alone:.2f} times as long as one; "
        f"{'the same best trial' if same else 'DIFFERENT BEST TRIALS'}"
    )


if __name__ == "__main__":
    main()
