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

from benchmarks.timing import machine
from model_zoo.config import load_settings
from model_zoo.data.dataset import Images

PLAIN = {"flip": False, "shift": 0, "rotation": 0, "zoom": 0}


def best_accuracy(
    folder: Path, training: Images, validation: Images, weights: Path | None = None, **given: Any
) -> float:
    """Train once; without ``weights`` everything, and ``folder`` gets the trunk."""
    from model_zoo import backbones
    from model_zoo.classifier import head_from
    from model_zoo.runs import steps
    from model_zoo.training.phases import train_classifier

    settings = load_settings(
        profile="scratch",
        recipe="finetune" if weights else "scratch",
        weights=str(weights) if weights else "none",
        home=folder / "home",
        **given,
    )
    backbones.discover(settings.plugins_dir)
    model, progress = train_classifier(
        steps.DATASET,
        settings,
        head_from(settings),
        training,
        validation,
        folder / "training",
        lambda epoch, metrics: None,
        lambda sentence: None,
    )
    if not weights:
        model.save(folder / "trunk.keras")
    return progress.best_accuracy


def measure(given: argparse.Namespace, seed: int, folder: Path) -> dict[str, tuple[float, float]]:
    """Accuracy and seconds of each way."""
    from model_zoo.runs import runner, steps

    settings = load_settings(profile="scratch", home=folder / "home")
    for step in ("ingest", "preprocess"):
        runner.run_step(step, settings, "data")
    training, validation = steps.training_images(settings.run_dir("data"))
    mine = training.take(np.arange(given.images))
    others = training.take(np.arange(given.images, 2 * given.images))
    shared = {
        "backbone": given.backbone,
        "image_size": given.image_size,
        "precision": given.precision,
        "seed": seed,
    }
    folder.mkdir(exist_ok=True)
    reached = best_accuracy(folder, mine, validation, epochs=given.trunk_epochs, **shared)
    print(f"seed {seed}: the trunk was trained to {reached:.2%}", flush=True)
    ways: dict[str, dict[str, Any]] = {"no augmentation": PLAIN | {"feature_views": 1}}
    for views in given.views:
        ways[f"{views} cached view{'s' if views > 1 else ''}"] = {"feature_views": views}
    ways["anew in every epoch"] = {"feature_cache_gb": 0}
    found = {}
    for place, (name, changed) in enumerate(ways.items()):
        started = time.perf_counter()
        accuracy = best_accuracy(
            folder / str(place),
            others,
            validation,
            folder / "trunk.keras",
            epochs=given.epochs,
            **shared,
            **changed,
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
