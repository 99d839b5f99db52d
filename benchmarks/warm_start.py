"""Going on from production against starting anew, on images that grew by a tenth.

    python -m benchmarks.warm_start --packages FOLDER [--seeds 3] [--epochs 1 2 4 8] [--blocks 0 1]

The images are the first artist's emoji of `examples/growing`, whose command leaves them in
`growing/packages` of its home: a class is a category, an emoji in all its skin tones is one group,
and a fifth of the groups is for testing. Of the others ten elevenths are the old images: a version
is trained on them, as production was. Then all of them are trained on, from pretrained weights and
from that version's, for so many epochs each, with the same head; its rate is the version's, or a
third of it. One row each: the mean over the seeds of the accuracy on the test images and its
standard error, and seconds of processor time of building and fitting, with the features of frozen
layers computed before; each seed divides the images anew.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks.timing import machine
from examples.growing.emoji import ARTISTS, pictures_of
from model_zoo.classifier import head_from
from model_zoo.data.dataset import Dataset, Images
from model_zoo.images import decode, image_of
from model_zoo.settings import Places, Project, load_project

SIDE, STEPS = 64, ("upright", "flatten", "whole-on-white")
RATES = {"its rate": 1.0, "a third of it": 0.3}
LEAST = 20  # images of a class
NEW = 0.3 + 0.7 / 11  # below lie the new ones of those to train on
HEAD_EPOCHS = 2


@dataclass(frozen=True)
class Divided:
    """Images in parts.

    Attributes:
        grown: all to train on; the first ``old`` of them are the old ones.
        held: of which the first ``validation`` validate and the others test.
    """

    dataset: Dataset
    grown: Images
    old: int
    held: Images
    validation: int


def read(package: Path) -> tuple[np.ndarray, list[str], list[str]]:
    """Pixels uint8 (N, 64, 64, 3), classes and groups of the first artist's emoji."""
    pictures = pictures_of(package, ARTISTS[0])
    labels = [one.label for one in pictures]
    pictures = [one for one in pictures if labels.count(one.label) >= LEAST]
    pixels = np.stack(
        [image_of(decode(one.path.read_bytes(), 10**6), (SIDE, SIDE, 3), STEPS) for one in pictures]
    )
    return pixels, [one.label for one in pictures], [one.group for one in pictures]


def divide(pixels: np.ndarray, labels: list[str], groups: list[str], seed: int) -> Divided:
    """Whole groups: a fifth tests, a tenth validates, of the rest an eleventh is new."""
    names = tuple(sorted(set(labels)))
    order = sorted(set(groups))
    random.Random(seed).shuffle(order)
    share = {group: place / len(order) for place, group in enumerate(order)}
    at = np.array([share[group] for group in groups])
    classes = np.array([names.index(label) for label in labels], np.int32)
    every = Images(pixels, classes)
    dataset = Dataset(
        name="emoji", labels=names, image_shape=(SIDE, SIDE, 3), preparation=STEPS, origin="npm"
    )
    shuffled = np.random.default_rng(seed).permutation(len(at))
    new, old, validation, test = (
        shuffled[(at[shuffled] >= low) & (at[shuffled] < high)]
        for low, high in ((0.3, NEW), (NEW, 1.0), (0.2, 0.3), (0.0, 0.2))
    )
    grown, held = np.concatenate([old, new]), np.concatenate([validation, test])
    return Divided(dataset, every.take(grown), len(old), every.take(held), len(validation))


class Tried:
    """One division of the images with one setting of the network, set up once for all ways."""

    def __init__(self, project: Project, divided: Divided, folder: Path) -> None:
        from model_zoo.training.feature_cache import FeatureCache
        from model_zoo.training.setup import Design, set_up_training

        self.divided, self.folder = divided, folder
        self.head = head_from(project.model, project.training)
        self.design = Design(divided.dataset, project.model, project.training, self.head)
        self.cache = FeatureCache(folder / "features", 10.0)
        self.setup = set_up_training(
            self.design, divided.grown, divided.held, self.cache, lambda _: None
        )
        self.fresh = self.setup.model.get_weights()

    def train(
        self, rows: np.ndarray, epochs: int, start: list[np.ndarray] | None, factor: float = 1.0
    ) -> tuple[float, float]:
        """Accuracy on the test images, and seconds of processor time.

        Args:
            start: weights to go on from; None: those that the network was built with.
        """
        from model_zoo.training.phases import fit_phases
        from model_zoo.training.warm_start import Start

        began = time.process_time()
        labels = self.divided.dataset.labels
        design = replace(
            self.design,
            head=replace(self.head, learning_rate=self.head.learning_rate * factor),
            training=self.design.training.model_copy(
                update={"epochs": epochs, "head_epochs": min(HEAD_EPOCHS, epochs)}
            ),
            start=None if start is None else Start(Path(), labels, ""),  # that the head is known
        )
        self.setup.model.set_weights(start or self.fresh)
        held, validation = self.setup.validation, np.arange(self.divided.validation)
        setup = replace(
            self.setup,
            train=self.setup.train.take(rows),  # type: ignore[union-attr]
            validation=held.take(validation),  # type: ignore[union-attr]
        )
        images = (self.divided.grown.take(rows), self.divided.held.take(validation))
        with tempfile.TemporaryDirectory(dir=self.folder) as name:
            fit_phases(
                design, setup, images, Path(name), self.cache, lambda *_: None, lambda _: None
            )
        seconds = time.process_time() - began
        test = np.arange(self.divided.validation, len(held))
        chunks = np.array_split(test, max(1, len(test) // 256))
        answers = np.concatenate(
            [np.asarray(setup.trained.predict_on_batch(held.inputs(one, 0))) for one in chunks]
        ).argmax(axis=1)
        return float((answers == held.labels[test]).mean()), seconds

    @property
    def weights(self) -> list[np.ndarray]:
        """Of the last training."""
        found: list[np.ndarray] = self.setup.model.get_weights()
        return found


def ways(tried: Tried, before: int, epochs: list[int]) -> Iterator[tuple[str, tuple[float, float]]]:
    """Each way's name, accuracy and seconds."""
    every = np.arange(len(tried.divided.grown))
    yield "production, not retrained", tried.train(every[: tried.divided.old], before, None)
    production = tried.weights
    for count in epochs:
        yield f"anew, {count} epochs", tried.train(every, count, None)
        for name, factor in RATES.items():
            found = tried.train(every, count, production, factor)
            yield f"goes on at {name}, {count} epochs", found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--packages", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, nargs="+", default=[1, 2, 4, 8])
    parser.add_argument("--blocks", type=int, nargs="+", default=[0, 1], help="unfrozen")
    parser.add_argument("--before", type=int, default=8, help="epochs that production was trained")
    parser.add_argument("--images", type=int, default=0, help="so many at the most; 0: all")
    given = parser.parse_args()
    from model_zoo.plugin_registry import discover

    discover(Places.load().plugins_dir)
    print(machine("keras", "tensorflow-cpu", "numpy"))
    package = next(iter(given.packages.glob(f"emoji-datasource-{ARTISTS[0]}-*")))
    pixels, labels, groups = read(package)
    if given.images:
        some = np.random.default_rng(0).permutation(len(labels))[: given.images]
        pixels, labels = pixels[some], [labels[one] for one in some]
        groups = [groups[one] for one in some]
    for blocks in given.blocks:
        project = load_project(
            None,
            {
                "profile": "quick", "recipe": "finetune" if blocks else "head",
                "model.unfrozen_blocks": blocks, "model.image_size": SIDE,
                "training.epochs": given.before, "training.batch_size": 64,
                "training.feature_views": 1, "training.early_stopping_patience": 0,
                "training.precision": "float32",
            },
        )  # fmt: skip
        found: dict[str, list[tuple[float, float]]] = {}
        for seed in range(given.seeds):
            once = project.with_values({"training.seed": seed})
            divided = divide(pixels, labels, groups, seed)
            with tempfile.TemporaryDirectory(prefix="catwalk-") as name:
                tried = Tried(once, divided, Path(name))
                for way, figures in ways(tried, given.before, given.epochs):
                    found.setdefault(way, []).append(figures)
        print(
            f"{blocks} blocks unfrozen; {divided.old:,} old images, {len(divided.grown):,} with "
            f"the new ones, {len(divided.held) - divided.validation:,} to test; {given.seeds} seeds"
        )
        for way, several in found.items():
            accuracy, seconds = np.array(several).T
            error = accuracy.std(ddof=1) / len(accuracy) ** 0.5 if len(accuracy) > 1 else np.nan
            print(
                f"  {way:38} {accuracy.mean():7.2%} +- {error:.2%} {seconds.mean():7.1f} s",
                flush=True,
            )


if __name__ == "__main__":
    main()
