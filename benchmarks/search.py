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
from benchmarks.timing import machine
from model_zoo import backbones
from model_zoo.config import Settings, load_settings
from model_zoo.data.dataset import Images
from model_zoo.data.fashion_mnist.source import FASHION_MNIST
from model_zoo.recipes import PROFILES
from model_zoo.registry import versions as registry
from model_zoo.tuning import search
from model_zoo.tuning.examples import TrialExamples, keep_examples


def trials_seconds(settings: Settings, images: int, channels: int, folder: Path) -> float:
    """Seconds of all trials on pooled features, processes and MLflow included."""
    random = np.random.default_rng(0)
    views = settings.feature_views
    labels = (np.arange(images) % 10).astype(np.uint8)
    pooled = random.random((views * images, channels), np.float32)
    held_out = random.random((images // 2, channels), np.float32)
    examples = TrialExamples(
        (pooled, np.tile(labels, views)), (held_out, labels[: images // 2]), True, "float32"
    )
    keep_examples(folder, examples)
    parent = registry.connect(settings).create_run(registry.prepare(settings)).info.run_id
    started = time.perf_counter()
    nothing = Images(np.zeros((0, 28, 28), np.uint8), np.zeros(0, np.uint8))  # not looked at
    search(settings, FASHION_MNIST, nothing, nothing, folder, parent, lambda sentence: None)
    return time.perf_counter() - started


def measure(
    backbone: str, image_size: int, trials: int, images: int, epochs: int, measured: int
) -> None:
    """Print both ways' seconds for a search of this size, and the ratio."""
    with tempfile.TemporaryDirectory() as home:
        settings = load_settings(
            profile="standard",
            home=home,
            backbone=backbone,
            weights=str(Path(home) / "random.weights.h5"),
            search_trials=trials,
            search_epochs=epochs,
            search_patience=0,
            search_algorithm="random",
        )
        backbones.discover(settings.plugins_dir)
        found = measured_ways(backbone, image_size, measured, 1, settings.feature_views, Path(home))
        channels = int(found["ours"]["channels"])
        ours_trials = trials_seconds(settings, images, channels, Path(home) / "search")
    a_pass = found["notebook"]["seconds"] / measured
    held_out = images // 2
    # Validation has no backward half; but nearly all of a pass is the frozen trunk.
    notebook = trials * epochs * (images + held_out) * a_pass
    features = found["ours"]["features"] / (measured * settings.feature_views)
    ours_features = features * (images * settings.feature_views + held_out)
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
    size = PROFILES["standard"]
    parser.add_argument("--trials", type=int, default=size["search_trials"])
    parser.add_argument("--images", type=int, default=size["search_limit"], help="of a trial")
    parser.add_argument("--epochs", type=int, default=size["search_epochs"], help="of a trial")
    parser.add_argument("--measured", type=int, default=128, help="default: 128")
    given = parser.parse_args()
    print(machine("keras", "keras-tuner", "tensorflow-cpu"), flush=True)
    measure(
        given.backbone, given.image_size, given.trials, given.images, given.epochs, given.measured
    )


if __name__ == "__main__":
    main()
