"""What TensorFlow's tuner of input pipelines costs: `fit` on arrays, and on the same in batches.

    python -m benchmarks.pipeline [--backbone resnet50] [--image-size 32] [--batch 128]
                                  [--steps 20 25 30 ...]

Given arrays, Keras builds a pipeline whose tuner is often waited for when the call ends: see
`model_zoo/training/batches.py`. Whether and how long depends on when in the tuner's doubling
periods the call ends, so several numbers of steps are measured, each in both ways, in turn.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from benchmarks.subject import design, random_images
from benchmarks.timing import machine


def measure(backbone: str, image_size: int, batch: int, steps: list[int], policy: str) -> None:
    """Print the seconds of each call in both ways, and the ratio of all."""
    from model_zoo.training.batches import in_batches
    from model_zoo.training.faster_network import faster_in_training
    from model_zoo.training.precision import computing_in

    chosen = design(backbone, image_size)
    with computing_in(policy):
        model = faster_in_training(chosen.network())
    chosen.compiled(model, 10_000)
    examples = random_images(max(steps) * batch)

    def seconds(count: int, untuned: bool) -> float:
        rows = slice(count * batch)
        some, theirs = examples.images[rows], examples.labels[rows]
        started = time.perf_counter()
        data = in_batches(some, theirs, batch) if untuned else {
            "x": some, "y": theirs, "batch_size": batch
        }  # fmt: skip
        model.fit(**data, shuffle=False, verbose=0)
        return time.perf_counter() - started

    for untuned in (False, True):  # traces
        seconds(2, untuned)
    print(f"{backbone} at {image_size} px, batch {batch}, {policy}\n  steps   arrays   in batches")
    totals = np.zeros(2)
    for count in steps:
        found = np.array([seconds(count, untuned) for untuned in (False, True)])
        totals += found
        print(f"  {count:5}{found[0]:8.1f} s{found[1]:11.1f} s", flush=True)
    rates = sum(steps) * batch / totals
    print(
        f"  {rates[0]:.0f} and {rates[1]:.0f} images/s: in batches {totals[0] / totals[1]:.2f} "
        "times as fast"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--backbone", default="resnet50", help="default: resnet50")
    parser.add_argument("--image-size", type=int, default=32, help="default: 32")
    parser.add_argument("--batch", type=int, default=128, help="default: 128")
    parser.add_argument("--steps", type=int, nargs="+", default=list(range(20, 55, 5)))
    parser.add_argument("--precision", default="mixed_bfloat16", help="default: mixed_bfloat16")
    given = parser.parse_args()
    print(machine("keras", "tensorflow-cpu"), flush=True)
    measure(given.backbone, given.image_size, given.batch, given.steps, given.precision)


if __name__ == "__main__":
    main()
