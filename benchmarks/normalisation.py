"""Batch normalisation by Keras' own layers, and in one operation: steps side by side.

    python -m benchmarks.normalisation [--precision mixed_bfloat16 float32] [--repeats 8]

The same network with the same weights on the same batch, a training step (or, for a frozen trunk,
a forward pass) of each in turn: see `model_zoo/training/faster_network.py`. At last normalisation
folded into the convolutions, by processor time: a forward pass, as features are computed, and a
step of fine-tuning a pretrained trunk, whose normalisation is frozen.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

from benchmarks.limit import CASES, Case
from benchmarks.subject import design, random_images
from benchmarks.timing import in_turn, machine

#: As the profile `quick` computes its features.
FORWARD = Case("efficientnet_lite0", 96, 256, False)


def measure(case: Case, policy: str, repeats: int) -> None:
    """Print the rates of both and their ratio."""
    from model_zoo.training.faster_network import faster_in_training
    from model_zoo.training.precision import computing_in

    chosen = design(case.backbone, case.size)
    with computing_in(policy):
        keras_own = chosen.network()
    fused = faster_in_training(keras_own)
    examples = random_images(case.batch)

    def step(model: Any) -> Callable[[], Any]:
        if not case.trained:
            return lambda: model.predict_on_batch(examples.images)
        chosen.compiled(model, 10_000)
        return lambda: model.train_on_batch(examples.images, examples.labels)

    times = in_turn({"own": step(keras_own), "fused": step(fused)}, repeats)
    own, faster = (1000 * case.batch / times[name] for name in ("own", "fused"))
    print(
        f"{case.backbone} at {case.size} px, {'training' if case.trained else 'frozen'}, {policy}: "
        f"Keras' layers {own:.0f} images/s, one operation {faster:.0f}: "
        f"{faster / own:.2f} times as fast",
        flush=True,
    )


def measure_folded(case: Case, repeats: int) -> None:
    """Print what a forward pass in float32 takes by Keras' layers, in one operation, and folded."""
    from model_zoo.training.faster_network import (
        WORTH_FOLDING,
        faster_in_inference,
        faster_in_training,
    )

    keras_own = design(case.backbone, case.size).network()
    networks = {
        "Keras' layers": keras_own,
        "one operation": faster_in_training(keras_own),
        "folded": faster_in_inference(keras_own, WORTH_FOLDING),
    }
    images = random_images(case.batch).images
    ways = {
        name: lambda model=model: model.predict_on_batch(images) for name, model in networks.items()
    }
    times = in_turn(ways, repeats, time.process_time)
    told = ", ".join(f"{name} {took / case.batch:.2f} ms" for name, took in times.items())
    print(f"{case.backbone} at {case.size} px, processor time an image: {told}", flush=True)


def measure_fine_tuning(backbone: str, size: int, batch: int, repeats: int) -> None:
    """Print what a step takes by Keras' layers and folded; the backbone has weights at hand."""
    from model_zoo.training.faster_network import faster_in_training

    chosen = design(
        backbone, size, recipe="finetune", model__weights="imagenet", model__unfrozen_blocks=99
    )
    examples = random_images(batch)
    networks = {"Keras' layers": chosen.network()}
    networks["folded"] = faster_in_training(networks["Keras' layers"])
    compiled = {name: chosen.compiled(model, 10_000) for name, model in networks.items()}
    ways = {
        name: lambda model=model: model.train_on_batch(examples.images, examples.labels)
        for name, model in compiled.items()
    }
    times = in_turn(ways, repeats, time.process_time)
    told = ", ".join(f"{name} {took / batch:.2f} ms" for name, took in times.items())
    print(
        f"{backbone} at {size} px, all blocks fine-tuned, processor time an image: {told}",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--precision", nargs="+", default=["mixed_bfloat16", "float32"])
    parser.add_argument("--repeats", type=int, default=8, help="rounds; the least counts")
    given = parser.parse_args()
    print(machine("keras", "tensorflow-cpu"), flush=True)
    for policy in given.precision:
        for case in CASES:
            measure(case, policy, given.repeats)
    measure_folded(FORWARD, given.repeats)
    measure_fine_tuning("efficientnet_lite0", 96, 64, given.repeats)


if __name__ == "__main__":
    main()
