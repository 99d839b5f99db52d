"""One worker against several, same search: seconds, their ratio, and whether they agree.

    python -m benchmarks.search_workers [--workers 3] [--trials 12] [--epochs 2] [--images 2000]

The steps run as Airflow's tasks run them, each in a process of its own: `tune` is KerasTuner's
chief and the first worker, `search_worker.N` the others. Random search on the generated sample.
Time is that of the step `tune` from its start to its end, imports included; all workers share this
machine's cores, so the ratio says what they leave idle; on machines of their own it is larger.
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
from model_zoo.data.fashion_mnist.sample import write_sample
from model_zoo.files import read_json, write_json

PLUGINS = Path(__file__).parent.parent / "tests" / "plugins"


def start(step: str, run: str, settings: dict[str, Any]) -> subprocess.Popen[bytes]:
    """A step in a process of its own."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("CATWALK_")}
    return subprocess.Popen(
        [sys.executable, "-m", "model_zoo.runs.runner", step, "--run-id", run,
         "--settings", json.dumps(settings)],
        env=environment | {"TF_CPP_MIN_LOG_LEVEL": "3"},
        stdout=subprocess.DEVNULL,
    )  # fmt: skip


def finish(process: subprocess.Popen[bytes]) -> None:
    if process.wait():
        raise SystemExit(f"{' '.join(map(str, process.args))} ended with {process.returncode}")


def measure(settings: dict[str, Any], workers: int) -> tuple[float, dict[str, Any]]:
    """Seconds of a search with so many workers, and the facts that `tune` found."""
    run = f"workers-{workers}"
    folder = Path(settings["home"]) / "runs" / run
    sample = write_sample(Path(settings["home"]) / "sample")
    # What the step `ingest` finds without data and network; it would try the network first.
    write_json(folder / "ingest.json", {"folder": str(sample), "dataset_source": "sample"})
    finish(start("preprocess", run, settings))
    chosen = settings | {"tuner_workers": workers}
    started = time.monotonic()
    tasks = ["tune", *(f"search_worker.{number}" for number in range(1, workers))]
    tune, *others = processes = [start(task, run, chosen) for task in tasks]
    try:
        finish(tune)
        seconds = time.monotonic() - started
        for other in others:
            finish(other)
    finally:
        for process in processes:
            process.kill()
    return seconds, read_json(folder / "tune.json")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--workers", type=int, default=3, help="default: 3")
    parser.add_argument("--trials", type=int, default=12, help="default: 12")
    parser.add_argument("--epochs", type=int, default=2, help="of a trial (default: 2)")
    parser.add_argument("--images", type=int, default=2000, help="of a trial (default: 2000)")
    parser.add_argument("--backbone", default="tiny", help="default: tiny, of the tests")
    given = parser.parse_args()
    print(machine("keras", "keras-tuner", "tensorflow-cpu"), flush=True)
    with tempfile.TemporaryDirectory() as home:
        settings = {
            "home": home, "plugins_dir": str(PLUGINS), "backbone": given.backbone,
            "weights": "none", "image_size": 28, "batch_size": 32,
            "precision": "float32", "search_algorithm": "random",
            "search_trials": given.trials, "search_epochs": given.epochs,
            "search_limit": given.images,
        }  # fmt: skip
        found = {workers: measure(settings, workers) for workers in (1, given.workers)}
    for workers, (seconds, facts) in found.items():
        best = facts["trials"][0]
        print(
            f"  {workers} workers: {seconds:6.1f} s, {len(facts['trials'])} trials; best trial "
            f"{best['trial']} with {best['val_accuracy']:.4f}"
        )
    (alone, one), (together, several) = found.values()
    same = all(one["trials"][0][k] == several["trials"][0][k] for k in ("trial", "val_accuracy"))
    print(
        f"  {given.workers} workers took {together / alone:.2f} times as long as one; "
        f"{'the same best trial' if same else 'DIFFERENT BEST TRIALS'}"
    )


if __name__ == "__main__":
    main()
