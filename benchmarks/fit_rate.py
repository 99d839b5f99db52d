"""Training by Keras' `fit` on any backend: until it has begun, and how fast it is then.

    KERAS_BACKEND=jax python -m benchmarks.fit_rate --backbone efficientnet_lite0 --size 96
                                     [--batch 64] [--precision float32]

All layers are trained, by the profile `scratch`, on random images. The first call of `fit`, of two
steps, builds and compiles for one shape of a batch; the rate is that of the calls after it.
"""

from __future__ import annotations

import argparse
import os
import time

from benchmarks.subject import design, random_images
from benchmarks.timing import machine

STEPS = 16  # of a call of `fit`
SECONDS = 3.0


def measure(backbone: str, size: int, batch: int, precision: str) -> None:
    """Print seconds of the first call and images a second of the others."""
    from model_zoo.training.faster_network import faster_in_training
    from model_zoo.training.precision import computing_in

    chosen = design(backbone, size)
    with computing_in(precision):
        model = faster_in_training(chosen.network())
    chosen.compiled(model, 10_000)
    examples = random_images(batch * STEPS)

    def fit(count: int) -> None:
        images, labels = examples.images[:count], examples.labels[:count]
        model.fit(images, labels, batch_size=batch, verbose=0)

    started = time.perf_counter()
    fit(2 * batch)
    first = time.perf_counter() - started
    fit(STEPS * batch)
    started, seen = time.perf_counter(), 0
    while time.perf_counter() - started < SECONDS:
        fit(STEPS * batch)
        seen += STEPS * batch
    rate = seen / (time.perf_counter() - started)
    name = f"{backbone} at {size} px, {precision}"
    print(f"{name}: first fit {first:.1f} s, then {rate:,.0f} images/s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--backbone", required=True)
    parser.add_argument("--size", type=int, required=True, help="of the images, in pixels")
    parser.add_argument("--batch", type=int, default=64, help="default: 64")
    parser.add_argument("--precision", default="float32", help="default: float32")
    given = parser.parse_args()
    print(machine("keras", os.environ.get("KERAS_BACKEND", "tensorflow-cpu")))
    measure(**vars(given))


if __name__ == "__main__":
    main()
