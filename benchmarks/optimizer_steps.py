"""An optimiser's update as Keras writes it, and in one pass over the weights; side by side.

    python -m benchmarks.optimizer_steps [--repeats 8]

Milliseconds of processor time of one update of all weights of a network (see
`model_zoo/training/one_pass.py`), weight decay included, and their ratio.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any
from unittest import mock

from benchmarks.subject import design
from benchmarks.timing import in_turn, machine

CASES = (("resnet50", 32), ("efficientnet_lite0", 96), ("wrn_16_2", 28))
IN_ONE_PASS = "model_zoo.training.optimizer.in_one_pass"


def update(backbone: str, size: int) -> Callable[[], object]:
    """Applies the same gradients to all weights of a network, compiled."""
    import tensorflow as tf

    chosen = design(backbone, size)
    model = chosen.compiled(chosen.network(), 10_000)
    variables = model.trainable_variables
    gradients = [tf.random.normal(one.shape, stddev=1e-3) for one in variables]

    @tf.function
    def apply() -> Any:
        model.optimizer.apply(gradients, variables)
        return model.optimizer.iterations.value

    return lambda: apply().numpy()


def measure(backbone: str, size: int, repeats: int) -> None:
    """Print milliseconds of both ways and their ratio."""
    with mock.patch(IN_ONE_PASS, lambda optimizer: optimizer):
        ways = {"own": update(backbone, size)}
    ways["one pass"] = update(backbone, size)
    times = in_turn(ways, repeats, time.process_time)
    print(
        f"{backbone}, sgd: Keras {times['own']:.1f} ms, in one pass "
        f"{times['one pass']:.1f}: {times['own'] / times['one pass']:.2f} times as fast",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--repeats", type=int, default=8, help="rounds, the least counts")
    given = parser.parse_args()
    print(machine("keras", "tensorflow-cpu"))
    for backbone, size in CASES:
        measure(backbone, size, given.repeats)


if __name__ == "__main__":
    main()
