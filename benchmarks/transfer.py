"""What a pretrained trunk is worth in a few minutes: backbone, size, blocks and images in turn.

    python -m benchmarks.transfer [--set model.dropout=0.1 ...] TRY [TRY ...]

A TRY is ``backbone:pixels:blocks:images:epochs[:head_epochs]``: how many blocks are unfrozen (0:
the new head alone; ``scratch``: all of them, from random weights), how many training images, how
many epochs with the blocks and, before them, with the head alone. Each is trained from nothing,
features included, in a process of its own; printed are the minutes of this machine's cores that it
took (processor time by the number of cores: what another program uses meanwhile does not count) and
the accuracy on the validation images, never on the test set. The recipes are `head`, `finetune` and
`short`, in float32.

Nothing is logged; the table is in docs/training.md.
"""

from __future__ import annotations

import argparse
import multiprocessing
from dataclasses import dataclass
from typing import Any

from benchmarks.timing import machine
from benchmarks.trainings import train

SCRATCH = "scratch"


@dataclass(frozen=True)
class Try:
    """One line of the table."""

    backbone: str
    pixels: int
    blocks: int | None  # None: from random weights
    images: int
    epochs: int
    head_epochs: int = 4

    @classmethod
    def parse(cls, text: str) -> Try:
        backbone, *numbers = text.split(":")
        from_scratch = numbers[1:2] == [SCRATCH]
        given = [numbers[0], "0", *numbers[2:]] if from_scratch else numbers
        if len(given) not in (4, 5) or not all(one.isdigit() for one in given):
            raise argparse.ArgumentTypeError(
                f"{text!r} is not backbone:pixels:blocks:images:epochs[:head_epochs]"
            )
        pixels, blocks, *rest = map(int, given)
        return cls(backbone, pixels, None if from_scratch else blocks, *rest)

    def values(self) -> dict[str, Any]:
        """Settings by dotted names."""
        given: dict[str, Any] = {
            "profile": "standard",
            "recipe": "short" if self.blocks is None else "finetune" if self.blocks else "head",
            "data.train_limit": self.images,
            "model.backbone": self.backbone,
            "model.image_size": self.pixels,
            "model.weights": "none" if self.blocks is None else "imagenet",
            "training.batch_size": 64,
            "training.epochs": self.epochs,
            "training.early_stopping_patience": 0,
            "training.feature_views": 1,
            "training.precision": "float32",
        }
        if self.blocks is not None:
            given["model.unfrozen_blocks"] = self.blocks
        return given | ({"training.head_epochs": self.head_epochs} if self.blocks else {})


def in_own_process(values: dict[str, Any]) -> tuple[float, float, float]:
    """Validation accuracy, minutes of all cores, minutes of wall time.

    TensorFlow gives no memory back, and one training warms up the next.
    """
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        figures = pool.apply(train, (values, False))
    return figures["validation"], figures["minutes_of_all_cores"], figures["seconds"] / 60


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
        blocks = SCRATCH if one.blocks is None else one.blocks
        print(
            f"{one.backbone:<22}{one.pixels:>5}{blocks:>8}{one.images:>9,}{epochs:>8}"
            f"{accuracy:>12.2%}{minutes:>9.1f}{wall:>7.1f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
