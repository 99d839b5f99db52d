"""A search over the head of a pretrained network: the notebook's way, and ours.

    python -m benchmarks.search [--backbone resnet50] [--image-size 224] [--trials 20]
                                [--images N] [--epochs N] [--measured 128]

The size of the search is that of the profile `standard` unless another is given.

The notebook's way: every trial pushes every image through the whole network again, in every epoch.
Ours: pooled features of the frozen network once for each view, then trials that train the head.

The trials are run in full, through the search itself, on as many pooled features as the images
have (random ones: time does not depend on them). What goes through the network is measured on
``--measured`` images, after tracing, and multiplied: a pass costs every image the same. Two hours
and more of the notebook's way are thus not waited for; the line that is printed says so.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.finetune import measured_ways
from benchmarks.subject import DATASET, random_images
from benchmarks.timing import machine
from model_zoo.plugin_registry import discover
from model_zoo.registry.client import connect
from model_zoo.registry.experiment import ensure_experiment
from model_zoo.registry.store import store_of
from model_zoo.settings import Places, Project, load_project
from model_zoo.tuning import search
from model_zoo.tuning.examples import TrialExamples, keep_examples


def trials_seconds(
    project: Project, places: Places, images: int, channels: int, folder: Path
) -> float:
    """Seconds of all trials on pooled features, processes and MLflow included."""
    random = np.random.default_rng(0)
    views = project.training.distinct_views
    labels = (np.arange(images) % len(DATASET.labels)).astype(np.int32)
    pooled = random.random((views * images, channels), np.float32)
    held_out = random.random((images // 2, channels), np.float32)
    examples = TrialExamples(
        (pooled, np.tile(labels, views)), (held_out, labels[: images // 2]), True, "float32"
    )
    keep_examples(folder, examples)
    store = store_of(project, places)
    parent = connect(store).create_run(ensure_experiment(store)).info.run_id
    started = time.perf_counter()
    nothing = random_images(0)  # not looked at, as the examples are there
    search(project, places, DATASET, nothing, nothing, folder, parent, lambda sentence: None)
    return time.perf_counter() - started


def measure(
    backbone: str, image_size: int, trials: int, images: int, epochs: int, measured: int
) -> None:
    """Print both ways' seconds for a search of this size, and the ratio."""
    with tempfile.TemporaryDirectory() as home:
        given = {
            "profile": "standard",
            "model.backbone": backbone,
            "model.weights": str(Path(home) / "random.weights.h5"),
            "search.trials": trials,
            "search.epochs": epochs,
            "search.patience": 0,
            "search.algorithm": "random",
        }
        places = Places.load(home=home)
        project = load_project(None, given, places)
        discover(places.plugins_dir)
        views = project.training.distinct_views
        found = measured_ways(backbone, image_size, measured, 1, views, Path(home))
        channels = int(found["ours"]["channels"])
        ours_trials = trials_seconds(project, places, images, channels, Path(home) / "search")
    a_pass = found["notebook"]["seconds"] / measured
    held_out = images // 2
    # Validation has no backward half; but nearly all of a pass is the frozen trunk.
    notebook = trials * epochs * (images + held_out) * a_pass
    features = found["ours"]["features"] / (measured * views)
    ours_features = features * (images * views + held_out)
    ours = ours_features + ours_trials
    images_a_second = f"{1 / a_pass:.1f} images/s, measured on {measured} images"
    print(
        f"\n{trials} trials of {epochs} epochs on {images:,} images, {backbone} at {image_size} px"
        f"\n  notebook  {notebook:9.0f} s  ({images_a_second})"
        f"\n  ours      {ours:9.0f} s  (features {ours_features:.0f} s at {1 / features:.1f} "
        f"images/s, {found['ours']['precision']}; the trials, run in full, {ours_trials:.0f} s)"
        f"\n  ours is {notebook / ours:.1f} times as fast"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--backbone", default="resnet50", help="default: resnet50")
    parser.add_argument("--image-size", type=int, default=224, help="default: 224")
    size = load_project(None, {"profile": "standard"}).search
    parser.add_argument("--trials", type=int, default=size.trials)
    parser.add_argument("--images", type=int, default=size.limit, help="of a trial")
    parser.add_argument("--epochs", type=int, default=size.epochs, help="of a trial")
    parser.add_argument("--measured", type=int, default=128, help="default: 128")
    given = parser.parse_args()
    print(machine("keras", "keras-tuner", "tensorflow-cpu"), flush=True)
    measure(
        given.backbone, given.image_size, given.trials, given.images, given.epochs, given.measured
    )


if __name__ == "__main__":
    main()
