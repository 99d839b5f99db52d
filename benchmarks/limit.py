"""How much of what the processor can do does training use, and where the rest goes.

    python -m benchmarks.limit [--precision float32 mixed_bfloat16] [--repeats 5]

What it can do: a matrix product of 2048 x 2048, in the same precision, in the same run. What is
used: multiply-adds of one image (counted from the layers' shapes; three times those of the forward
pass for a training step, twice the trained blocks' plus the forward pass where a trunk is frozen)
times images a second. The parts of a step are measured one by one on the same batch, compiled:
augmentation, forward pass, optimiser; what is left is the backward pass. Input wait is the time
that ``fit`` takes beyond its steps on data that is in memory.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.subject import design, random_images
from benchmarks.timing import in_turn, machine


@dataclass(frozen=True)
class Case:
    """A network that is trained from scratch, or computed as a frozen trunk."""

    backbone: str
    size: int
    batch: int
    trained: bool = True


CASES = (
    Case("resnet50", 32, 128),
    Case("wrn_16_2", 28, 128),
    Case("resnet50", 224, 32, trained=False),
)


def peak(policy: str, side: int = 2048, repeats: int = 10) -> float:
    """Multiply-adds a second of a large matrix product, in billions."""
    import tensorflow as tf

    kind = tf.bfloat16 if "bfloat16" in policy else tf.float32
    matrix = tf.cast(tf.random.normal((side, side)), kind)
    product = tf.function(lambda: tf.linalg.matmul(matrix, matrix))
    milliseconds = in_turn({"product": lambda: product()[0, 0].numpy()}, repeats)["product"]
    return float(side**3 / (milliseconds / 1000) / 1e9)


def measure(case: Case, policy: str, repeats: int) -> None:
    """Print rate, share of the peak, and the parts of a step."""
    import tensorflow as tf

    from model_zoo.backbones.multiply_adds import multiply_adds
    from model_zoo.classifier import PIXELS
    from model_zoo.training.batches import in_batches
    from model_zoo.training.faster_network import faster_in_training
    from model_zoo.training.frozen_part import trunk_of
    from model_zoo.training.precision import computing_in

    chosen = design(case.backbone, case.size)
    with computing_in(policy):
        model = faster_in_training(chosen.network())
    chosen.compiled(model, 10_000)
    forward_adds = multiply_adds(trunk_of(model))
    examples = random_images(case.batch)
    images, labels = examples.images, examples.labels
    batch = tf.constant(images)

    def compiled(function: Callable[[], Any]) -> Callable[[], Any]:
        graph = tf.function(function)
        return lambda: tf.nest.map_structure(lambda one: one.numpy(), graph())

    forward = compiled(lambda: model(batch, training=case.trained))
    best = peak(policy)
    if not case.trained:
        times = in_turn({"forward": forward}, repeats)
        _print(case, policy, times["forward"], forward_adds, best, times)
        return
    import keras

    pixels = keras.Model(model.input, model.get_layer(PIXELS).output)
    variables = model.trainable_variables
    zeros = [tf.zeros_like(variable.value) for variable in variables]
    model.optimizer.build(variables)

    def update() -> Any:
        model.optimizer.apply(zeros, variables)
        return model.optimizer.iterations.value

    steps = 4
    many = np.tile(images, (steps, 1, 1)), np.tile(labels, steps)
    model.make_train_function()
    same = iter(tf.data.Dataset.from_tensors((images, labels)).repeat())

    def one_step() -> Any:
        return tf.nest.map_structure(np.asarray, model.train_function(same))

    def whole() -> Any:
        return model.fit(**in_batches(*many, case.batch), shuffle=False, verbose=0)

    times = in_turn(
        {
            "step": one_step,
            "fit": whole,
            "augmentation": compiled(lambda: pixels(batch, training=True)),
            "forward": forward,
            "optimiser": compiled(update),
        },
        repeats,
    )
    times["forward"] -= times["augmentation"]
    fitted = times.pop("fit") / steps
    parts = {name: times[name] for name in ("augmentation", "forward", "optimiser")}
    parts["backward"] = times["step"] - sum(parts.values())
    parts["input and the rest of fit"] = fitted - times["step"]
    _print(case, policy, fitted, 3 * forward_adds, best, parts)


def _print(
    case: Case, policy: str, milliseconds: float, adds: int, best: float, parts: dict[str, float]
) -> None:
    rate = case.batch / (milliseconds / 1000)
    used = rate * adds / 1e9
    print(
        f"{case.backbone} at {case.size} px, {'training' if case.trained else 'frozen'}, {policy}: "
        f"{rate:.0f} images/s, {used:.0f} of {best:.0f} billion multiply-adds/s, {used / best:.0%}"
    )
    for name, value in parts.items():
        print(f"    {name:<28}{value:8.1f} ms {value / milliseconds:6.0%}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--precision", nargs="+", default=["float32", "mixed_bfloat16"])
    parser.add_argument("--repeats", type=int, default=5, help="default: 5")
    given = parser.parse_args()
    print(machine("keras", "tensorflow-cpu"), flush=True)
    started = time.perf_counter()
    for case in CASES:
        for policy in given.precision:
            measure(case, policy, given.repeats)
    print(f"took {time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()
