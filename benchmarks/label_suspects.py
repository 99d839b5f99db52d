"""Labels swapped at random: how many of them are found, and how often a suspect is one.

    python -m benchmarks.label_suspects [--swaps 600] [--seeds 3] [--project fashion-mnist]
                                        [--home FOLDER]

The steps `ingest` and `preprocess` of a run, then the features of its training images as `health`
computes them; with `--home` they stay there, and the next time they are read. Of the training
labels some are swapped for another class at random, and the suspects of `model_zoo.health` are
counted against them. Precision is a lower bound: Fashion-MNIST's own wrong labels count as false
alarms. Then the labels as they are: which pairs of classes the suspects are between. With
CATWALK_DATA_DIR it reads the official files.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.timing import machine
from model_zoo.health.label_suspects import label_suspects
from model_zoo.health.out_of_fold import OutOfFold, out_of_fold
from model_zoo.runs.folder import open_run
from model_zoo.runs.health import training_features
from model_zoo.runs.images import dataset_of, training_images
from model_zoo.runs.runner import run_step
from model_zoo.settings import Places, load_project
from model_zoo.settings.health import HealthSettings

CHANCES = (0.05, 0.1, 0.2, 0.5, 1.0)


def swapped(labels: np.ndarray, count: int, classes: int, seed: int) -> tuple[np.ndarray, ...]:
    """The labels with so many swapped for another class, and which ones, bool (N,)."""
    random = np.random.default_rng(seed)
    chosen = random.choice(len(labels), count, replace=False)
    given, wrong = labels.copy(), np.zeros(len(labels), bool)
    given[chosen] = (given[chosen] + random.integers(1, classes, count)) % classes
    wrong[chosen] = True
    return given, wrong


def one_way(labels: np.ndarray, share: float, seed: int) -> tuple[np.ndarray, ...]:
    """The labels with a share of the last class called by the first, and which ones."""
    random = np.random.default_rng(seed)
    members = np.flatnonzero(labels == labels.max())
    chosen = random.choice(members, int(share * len(members)), replace=False)
    given, wrong = labels.copy(), np.zeros(len(labels), bool)
    given[chosen], wrong[chosen] = 0, True
    return given, wrong


def found(features: np.ndarray, given: np.ndarray, classes: int) -> OutOfFold:
    return out_of_fold(features, np.arange(len(given)), given, classes, 0)


def report(features: np.ndarray, labels: np.ndarray, names: Sequence[str], args: object) -> None:
    classes, default = len(names), HealthSettings().label_chance
    rows: dict[float, list[tuple[float, float]]] = {chance: [] for chance in CHANCES}
    for seed in range(args.seeds):  # type: ignore[attr-defined]
        given, wrong = swapped(labels, args.swaps, classes, seed)  # type: ignore[attr-defined]
        said = found(features, given, classes)
        for chance in CHANCES:
            suspects = label_suspects(said.probabilities, given, chance).rows
            right = int(wrong[suspects].sum())
            rows[chance].append((right / wrong.sum(), right / max(1, len(suspects))))
    print("health.label_chance   found   precision   (mean over seeds, lowest found)")
    for chance, pairs in rows.items():
        recall, precision = np.mean(pairs, axis=0)
        sign = " <- default" if chance == default else ""
        print(f"{chance:19} {recall:7.1%} {precision:11.1%}   {min(pairs)[0]:.1%}{sign}")
    given, wrong = one_way(labels, 0.1, 0)
    suspects = label_suspects(found(features, given, classes).probabilities, given, default).rows
    print(
        f"a tenth of {names[-1]} called {names[0]}: {wrong[suspects].sum() / wrong.sum():.1%} of "
        f"{wrong.sum():,} found"
    )
    started = time.process_time()
    said = found(features, labels, classes)
    published = label_suspects(said.probabilities, labels, default)
    print(
        f"labels as they are: {len(published.rows):,} of {len(labels):,} suspect; "
        f"{time.process_time() - started:.1f} s of CPU, process at its largest "
        f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.2f} GB"
    )
    pairs = Counter(
        tuple(sorted((names[labels[row]], names[other])))
        for row, other in zip(published.rows, published.suggested, strict=True)
    )
    for (one, other), count in pairs.most_common(8):
        print(f"  {count:4} {one} / {other}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--swaps", type=int, default=600, help="labels (default: 600)")
    parser.add_argument("--seeds", type=int, default=3, help="repetitions (default: 3)")
    parser.add_argument("--project", default="fashion-mnist", help="default: fashion-mnist")
    parser.add_argument("--home", type=Path, help="keep runs and features here")
    args = parser.parse_args()
    print(machine())
    with tempfile.TemporaryDirectory(prefix="catwalk-") as folder:
        places = Places.load(home=args.home or Path(folder))
        project = load_project(args.project, places=places)
        for step in ("ingest", "preprocess"):
            run_step(step, project, places, "label-suspects")
        run = open_run(project, places, "label-suspects")
        dataset = dataset_of(run)
        features, why = training_features(run, dataset)
        if features is None:
            raise SystemExit(f"there are no features: {why}")
        labels = training_images(run).labels.astype(np.int64)
        print(f"{dataset.name}: {features.shape} features of {project.model.backbone}")
        report(features, labels, dataset.labels, args)


if __name__ == "__main__":
    main()
