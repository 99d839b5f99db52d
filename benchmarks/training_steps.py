"""A process that does training steps, or forward passes of a frozen trunk, in Keras.

    python -m benchmarks.training_steps --backbone resnet50 --size 32 --batch 128
                                        [--precision float32] [--frozen] [--plain]

Other benchmarks start it (`benchmarks/side_by_side.py`); the steps are those of the workflow.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

from benchmarks.side_by_side import serve_blocks
from benchmarks.subject import design, random_images

#: Values by which the classifier does what the bare network of another framework does.
PLAIN = {
    "training__augmentation__flip": False,
    "training__augmentation__shift": 0.0,
    "training__augmentation__erase": 0.0,
}


def step_of(
    backbone: str, size: int, batch: int, precision: str, frozen: bool, plain: bool
) -> Callable[[], object]:
    """One step on the same random images each time."""
    from model_zoo.training.faster_network import faster_in_training
    from model_zoo.training.precision import computing_in

    chosen = design(backbone, size, **(PLAIN if plain else {}))
    with computing_in(precision):
        model = faster_in_training(chosen.network())
    examples = random_images(batch)
    if frozen:
        return lambda: model.predict_on_batch(examples.images)
    chosen.compiled(model, 10_000)
    return lambda: model.train_on_batch(examples.images, examples.labels)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--backbone", required=True)
    parser.add_argument("--size", type=int, required=True, help="of the images, in pixels")
    parser.add_argument("--batch", type=int, required=True)
    parser.add_argument("--precision", default="float32", help="default: float32")
    parser.add_argument("--frozen", action="store_true", help="forward passes, not training")
    parser.add_argument("--plain", action="store_true", help="without augmentation")
    given = parser.parse_args()
    step = step_of(**vars(given))
    serve_blocks(step, given.batch)


if __name__ == "__main__":
    main()
