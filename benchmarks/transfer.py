"""What a pretrained trunk is worth in a few minutes: backbone, size, blocks and images in turn.

    python -m benchmarks.transfer [--set model.dropout=0.1 ...] TRY [TRY ...]

A TRY is ``backbone:pixels:blocks:images:epochs[:head_epochs]``: how many blocks are unfrozen (0:
the new head alone), how many training images, how many epochs with the blocks and, before them,
with the head alone. Each is trained from nothing, features included, in a process of its own;
printed are the minutes of this machine's cores that it took (processor time by the number of
cores: what another program uses meanwhile does not count) and the accuracy on the validation
images, never on the test set. No augmentation, one view, the recipe `finetune`: a short training
does not see an image twice in the same way often enough.

Nothing is logged; the table is in docs/training.md.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.timing import machine
from model_zoo.settings import Places, load_project


@dataclass(frozen=True)
class Try:
    """One line of the table."""

    backbone: str
    pixels: int
    blocks: int
    images: int
    epochs: int
    head_epochs: int = 4

    @classmethod
    def parse(cls, text: str) -> Try:
        backbone, *numbers = text.split(":")
        if len(numbers) not in (4, 5) or not all(one.isdigit() for one in numbers):
            raise argparse.ArgumentTypeError(
                f"{text!r} is not backbone:pixels:blocks:images:epochs[:head_epochs]"
            )
        return cls(backbone, *map(int, numbers))

    def values(self) -> dict[str, Any]:
        """Settings by dotted names."""
        return {
            "profile": "standard",
            "recipe": "finetune",
            "data.train_limit": self.images,
            "model.backbone": self.backbone,
            "model.image_size": self.pixels,
            "model.weights": "imagenet",
            "model.unfrozen_blocks": self.blocks,
            "training.batch_size": 64,
            "training.epochs": self.epochs,
            "training.early_stopping_patience": 0,
            "training.head_epochs": self.head_epochs if self.blocks else 0,
            "training.trunk_rate": 0.3,
            "training.block_rate": 0.9,
            "training.feature_views": 1,
            "training.augmentation.flip": False,
            "training.augmentation.shift": 0.0,
            "training.augmentation.rotation": 0.0,
            "training.augmentation.zoom": 0.0,
        }


def train(values: dict[str, Any]) -> tuple[float, float, float]:
    """Validation accuracy, minutes of all cores, minutes of wall time."""
    from model_zoo.classifier import head_from
    from model_zoo.data.source import SOURCES
    from model_zoo.data.split import stratified_split
    from model_zoo.plugin_registry import discover
    from model_zoo.runs.precision import with_precision
    from model_zoo.training.features import FeatureCache
    from model_zoo.training.phases import train_classifier

    places = Places.load()
    discover(places.plugins_dir)
    project = load_project(None, values, places)
    data = project.data
    found = SOURCES.get(data.source)(data, places, lambda sentence: None)
    dataset, images = found.dataset, found.training
    training, validation = (
        images.take(chosen)
        for chosen in stratified_split(
            images.labels, data.validation_share, data.seed, data.train_limit
        )
    )
    project = with_precision(project, dataset, lambda sentence: None)
    began, used = time.monotonic(), time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        _, progress = train_classifier(
            dataset,
            project.model,
            project.training,
            head_from(project.model, project.training),
            training,
            validation,
            Path(folder) / "training",
            FeatureCache(Path(folder) / "features", 40.0),
            lambda epoch, metrics: None,
            lambda sentence: None,
        )
    cores = len(os.sched_getaffinity(0))
    minutes = (time.process_time() - used) / 60 / cores
    return progress.best_accuracy, minutes, (time.monotonic() - began) / 60


def in_own_process(values: dict[str, Any]) -> tuple[float, float, float]:
    """TensorFlow gives no memory back, and one training warms up the next."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(train, (values,))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("tries", nargs="+", type=Try.parse, metavar="TRY")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", dest="changed")
    given = parser.parse_args()
    changed = dict(one.split("=", 1) for one in given.changed)
    print(machine("keras", "tensorflow-cpu"))
    print(
        f"{'backbone':<22}{'px':>5}{'blocks':>8}{'images':>9}{'epochs':>8}"
        f"{'validation':>12}{'minutes':>9}{'wall':>7}"
    )
    for one in given.tries:
        accuracy, minutes, wall = in_own_process(one.values() | changed)
        epochs = f"{one.head_epochs}+{one.epochs}" if one.blocks else f"{one.epochs}"
        print(
            f"{one.backbone:<22}{one.pixels:>5}{one.blocks:>8}{one.images:>9,}{epochs:>8}"
            f"{accuracy:>12.2%}{minutes:>9.1f}{wall:>7.1f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
