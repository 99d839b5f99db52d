"""What settings reach: trainings from a file, several at once where there is room, any backend.

    python -m benchmarks.trainings FILE [--only NAME ...] [--set NAME=VALUE ...] [--seeds 1]
                                   [--first-seed 20] [--together 1] [--test] [--features FOLDER]
                                   [--out FOLDER]

FILE is TOML: `[every]` holds settings by dotted names that all trainings have, `[each.NAME]` those
of one (`benchmarks/trainings/` has what docs/training.md and docs/results.md were written from).
Printed for each: the best accuracy on the validation images, seconds of wall time and images a
second in the last phase; with `--test` also the accuracy on the official test set, with its 95 %
interval (Wilson): measured once, and nothing may be chosen by it. Nothing is logged in MLflow, and
TensorFlow is not needed: `KERAS_BACKEND=jax` runs the same on a GPU, `--together 4` four of them
on one. With `--features` what the frozen layers give is computed by the first training that needs
it and read by the others: a comparison of accuracies ends sooner, one of times is none any more.
`--out` keeps each training's figures, epoch by epoch, as JSON: of those in
`docs/results/trainings` the tables in docs/results.md are written.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import re
import sys
import tempfile
import time
import tomllib
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.timing import machine, revision
from model_zoo.files import write_json
from model_zoo.settings import Places, load_project

IN_THE_TEST = 1000


def train(
    values: dict[str, Any], with_test: bool, features: Path | None = None, name: str = ""
) -> dict[str, Any]:
    """One training by itself; figures by name.

    Args:
        features: a folder of what frozen layers gave, read and added to; None: a new one.
        name: by which its epochs are told on standard error; empty: they are not.
    """

    def tell(epoch: int, metrics: dict[str, float]) -> None:
        reached = " ".join(f"{one} {value:.4f}" for one, value in metrics.items() if "acc" in one)
        if name:
            print(f"{name}: epoch {epoch + 1} {reached}", file=sys.stderr, flush=True)

    from model_zoo.classifier import head_from
    from model_zoo.data.source import SOURCES
    from model_zoo.data.split import stratified_split
    from model_zoo.plugin_registry import discover
    from model_zoo.runs.precision import with_precision
    from model_zoo.training.feature_cache import FeatureCache
    from model_zoo.training.phases import train_classifier
    from model_zoo.training.precision import has_accelerator

    places = Places.load()
    discover(places.plugins_dir)
    project = load_project(None, values, places)
    data = project.data
    found = SOURCES.get(data.source)(data, places, lambda sentence: None)
    training, validation = (
        found.training.take(chosen)
        for chosen in stratified_split(
            found.training.labels, data.validation_share, data.seed, data.train_limit
        )
    )
    project = with_precision(project, found.dataset, lambda sentence: None)
    began, used = time.monotonic(), time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        model, progress = train_classifier(
            found.dataset,
            project.model,
            project.training,
            head_from(project.model, project.training),
            training,
            validation,
            Path(folder) / "training",
            FeatureCache(features or Path(folder) / "features", 40.0),
            tell,
            lambda sentence: None,
        )
    cores = len(os.sched_getaffinity(0))
    figures = {
        "values": values,
        "training_images": len(training),
        "validation": progress.best_accuracy,
        "seconds": time.monotonic() - began,
        "accelerator": has_accelerator(),
        "minutes_of_all_cores": (time.process_time() - used) / 60 / cores,
        "images_per_second": len(training) * progress.epoch / progress.seconds,
        "history": progress.history,
    }
    if with_test:
        figures["test"] = accuracy(model, found.test.images, found.test.labels)
        figures["test_images"] = len(found.test.labels)
    return figures


def accuracy(model: Any, images: Any, labels: np.ndarray) -> float:
    """Share of images that the finished model labels right."""
    right = 0
    for start in range(0, len(labels), IN_THE_TEST):
        chosen = slice(start, start + IN_THE_TEST)
        answers = np.asarray(model.predict_on_batch(np.asarray(images[chosen])))
        right += int((answers.argmax(axis=1) == labels[chosen]).sum())
    return right / len(labels)


def tested(figures: dict[str, Any]) -> str:
    """Accuracy on the test set and its interval; empty where it was not measured."""
    if "test" not in figures:
        return ""
    from scipy.stats import binomtest

    count = figures["test_images"]
    interval = binomtest(round(figures["test"] * count), count).proportion_ci(method="wilson")
    return f"{figures['test']:.2%} ({interval.low:.2%} to {interval.high:.2%})"


def wanted(file: Path, only: list[str], seeds: range, changed: dict[str, str]) -> dict[str, Any]:
    """Settings of each training by its name."""
    content = tomllib.loads(file.read_text())
    unknown = set(only) - set(content["each"])
    if unknown:
        raise SystemExit(
            f"{file} has no {', '.join(sorted(unknown))}: {', '.join(content['each'])}"
        )
    found = {}
    for name, values in content["each"].items():
        for seed in seeds:
            if not only or name in only:
                own = {"training.seed": seed, "data.seed": 20}
                found[f"{name} (seed {seed})"] = content["every"] | values | own | changed
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("file", type=Path)
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", dest="changed")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--first-seed", type=int, default=20)
    parser.add_argument("--together", type=int, default=1, help="processes at a time (default: 1)")
    parser.add_argument("--test", action="store_true", help="also the official test set")
    parser.add_argument("--features", type=Path, help="a folder of features that they share")
    parser.add_argument("--out", type=Path, help="a folder for each training's figures")
    given = parser.parse_args()
    changed = dict(one.split("=", 1) for one in given.changed)
    seeds = range(given.first_seed, given.first_seed + given.seeds)
    tries = wanted(given.file, given.only, seeds, changed)
    backend = os.environ.get("KERAS_BACKEND", "tensorflow-cpu")
    evidence = {"machine": machine("keras", backend), "commit": revision()}
    print(evidence["machine"], flush=True)
    print(f"{'training':<44}{'validation':>11}{'images/s':>10}{'s':>7}{'cores, min':>12}  test")
    # One process each: a framework gives no memory back, and one training warms up the next.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(given.together, context, max_tasks_per_child=1) as pool:
        running = {
            pool.submit(train, one, given.test, given.features, name): name
            for name, one in tries.items()
        }
        for done in as_completed(running):
            name, figures = running[done], done.result()
            print(
                f"{name:<44}{figures['validation']:>11.2%}{figures['images_per_second']:>10,.0f}"
                f"{figures['seconds']:>7.0f}{figures['minutes_of_all_cores']:>12.1f}"
                f"  {tested(figures)}",
                flush=True,
            )
            if given.out:
                kept = evidence | {
                    "file": given.file.name,
                    "training": name,
                    "changed": " ".join(given.changed),
                }
                given.out.mkdir(parents=True, exist_ok=True)
                words = re.sub(r"[^\w.-]+", "-", f"{given.file.stem}-{name}").strip("-")
                write_json(given.out / f"{words}.json", kept | figures)


if __name__ == "__main__":
    main()
