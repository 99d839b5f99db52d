"""Until the first step of a training is done: variables made before it, and by Keras within it.

    python -m benchmarks.first_step [--repeats 2]

Of ResNet50 at 32 px and EfficientNet-Lite0 at 64 px, all layers trained, and of a head on features,
as a trial of the search trains it: seconds of processor time of one step that TensorFlow has not
traced yet, the least of the repeats, and their ratio. See `_make_variables` in
`model_zoo/training/optimizer.py`.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any
from unittest import mock

import numpy as np

from benchmarks.subject import DATASET, design, random_images
from benchmarks.timing import machine

BATCH, CHANNELS = 32, 1280  # channels as EfficientNet-Lite0 has them
CASES = (("resnet50", 32), ("efficientnet_lite0", 64))
MADE = "model_zoo.training.optimizer._make_variables"


def first_step(network: Any, compiled: Callable[[Any, int], Any], inputs: np.ndarray) -> float:
    """Seconds of processor time of the first step, from the network as it was built."""
    labels = (np.arange(len(inputs)) % len(DATASET.labels)).astype(np.int32)
    started = time.process_time()
    compiled(network, 100).train_on_batch(inputs, labels)
    return time.process_time() - started


def measure(
    name: str,
    make: Callable[[], Any],
    compiled: Callable[[Any, int], Any],
    inputs: np.ndarray,
    repeats: int,
) -> None:
    """Print both times of one network and their ratio."""
    import keras

    ours, theirs = [], []
    for _ in range(repeats):
        ours.append(first_step(make(), compiled, inputs))
        with mock.patch(MADE, lambda network: None):
            theirs.append(first_step(make(), compiled, inputs))
        keras.utils.clear_session()
    print(
        f"{name:<28}{min(ours):8.2f} s made before, {min(theirs):8.2f} s within: "
        f"{min(theirs) / min(ours):.2f} times as fast",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--repeats", type=int, default=2, help="default: 2")
    given = parser.parse_args()
    print(machine("keras", "tensorflow-cpu"))
    from model_zoo.classifier import build_head

    chosen = design("resnet50", 32)
    features = np.random.default_rng(0).uniform(0, 1, (BATCH, CHANNELS)).astype(np.float32)
    head = chosen.head
    measure(
        "a head on features",
        lambda: build_head(len(DATASET.labels), head, CHANNELS, 0),
        chosen.compiled,
        features,
        given.repeats,
    )
    images = random_images(BATCH).images
    for backbone, size in CASES:
        one = design(backbone, size)
        measure(f"{backbone}, {size} px", one.network, one.compiled, images, given.repeats)


if __name__ == "__main__":
    main()
