"""How much of augmentation cached features keep: validation accuracy by their number of views.

    python -m benchmarks.views [--backbone wrn_16_2] [--image-size 28] [--images 8000]
                               [--trunk-epochs 3] [--epochs 8] [--views 1 2 4] [--seeds 1]

A trunk is trained first, on images of its own; then its last block and a new head are fine-tuned on
others: on features of views that were computed once, with the images going through the frozen trunk
anew in every epoch (each augmentation seen once, as the notebook does), and without augmentation.
Judged on the 6,000 images of the validation split; the test set is not looked at.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.split_images import split_images
from benchmarks.timing import machine
from model_zoo.data.dataset import Dataset, Images
from model_zoo.plugin_registry import discover
from model_zoo.settings import Places, load_project

PLAIN = {f"training.augmentation.{name}": 0 for name in ("flip", "shift", "rotation", "zoom")}


def best_accuracy(
    folder: Path,
    dataset: Dataset,
    training: Images,
    validation: Images,
    given: dict[str, Any],
    weights: Path | None = None,
) -> float:
    """Train once; without ``weights`` everything, and ``folder`` gets the trunk."""
    from model_zoo.classifier import head_from
    from model_zoo.training.feature_cache import FeatureCache
    from model_zoo.training.phases import train_classifier

    own = {
        "profile": "scratch",
        "recipe": "finetune" if weights else "scratch",
        "model.weights": str(weights) if weights else "none",
    }
    project = load_project(None, own | given)
    model, progress = train_classifier(
        dataset,
        project.model,
        project.training,
        head_from(project.model, project.training),
        training,
        validation,
        folder / "training",
        FeatureCache(folder / "features", Places.load().feature_cache_gb),
        lambda epoch, metrics: None,
        lambda sentence: None,
    )
    if not weights:
        model.save(folder / "trunk.keras")
    return progress.best_accuracy


def measure(given: argparse.Namespace, seed: int, folder: Path) -> dict[str, tuple[float, float]]:
    """Accuracy and seconds of each way."""
    places = Places.load(home=folder / "home")
    discover(places.plugins_dir)
    project = load_project(None, {"profile": "scratch"}, places)
    dataset, training, validation = split_images(project, places, "data")
    mine = training.take(np.arange(given.images))
    others = training.take(np.arange(given.images, 2 * given.images))
    shared = {
        "model.backbone": given.backbone,
        "model.image_size": given.image_size,
        "training.precision": given.precision,
        "training.seed": seed,
    }
    trunk = shared | {"training.epochs": given.trunk_epochs}
    reached = best_accuracy(folder, dataset, mine, validation, trunk)
    print(f"seed {seed}: the trunk was trained to {reached:.2%}", flush=True)
    ways: dict[str, dict[str, Any]] = {"no augmentation": PLAIN | {"training.feature_views": 1}}
    for views in given.views:
        ways[f"{views} cached view{'s' if views > 1 else ''}"] = {"training.feature_views": views}
    ways["anew in every epoch"] = {"training.feature_views": 0}
    found = {}
    for place, (name, changed) in enumerate(ways.items()):
        started = time.perf_counter()
        accuracy = best_accuracy(
            folder / str(place),
            dataset,
            others,
            validation,
            shared | {"training.epochs": given.epochs} | changed,
            folder / "trunk.keras",
        )
        found[name] = accuracy, time.perf_counter() - started
        print(f"  {name:<22}{accuracy:8.2%}{found[name][1]:8.0f} s", flush=True)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--backbone", default="wrn_16_2", help="default: wrn_16_2")
    parser.add_argument("--image-size", type=int, default=28, help="default: 28")
    parser.add_argument("--images", type=int, default=8000, help="for each of the two trainings")
    parser.add_argument("--trunk-epochs", type=int, default=3, help="default: 3")
    parser.add_argument("--epochs", type=int, default=8, help="of fine-tuning (default: 8)")
    parser.add_argument("--views", type=int, nargs="+", default=[1, 2, 4], help="default: 1 2 4")
    parser.add_argument("--seeds", type=int, default=1, help="default: 1")
    parser.add_argument("--precision", default="mixed_bfloat16", help="default: mixed_bfloat16")
    given = parser.parse_args()
    print(machine("keras", "tensorflow-cpu"), flush=True)
    with tempfile.TemporaryDirectory() as name:
        found = [measure(given, seed, Path(name) / str(seed)) for seed in range(given.seeds)]
    if given.seeds > 1:
        print(f"mean of {given.seeds} seeds")
        for way in found[0]:
            accuracies = [one[way][0] for one in found]
            print(f"  {way:<22}{np.mean(accuracies):8.2%} +- {np.std(accuracies):.2%}")


if __name__ == "__main__":
    main()
