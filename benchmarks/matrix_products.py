"""Convolutions of few pixels: as oneDNN does them, and as a product of matrices; side by side.

    python -m benchmarks.matrix_products [--precision float32 mixed_bfloat16] [--repeats 6]
                                         [--networks resnet50:32 ...] [--layers-only]

For layers as ResNet50 and EfficientNet-Lite0 have them, milliseconds of processor time of a forward
and backward pass of 128 images by Keras' own layer and by `model_zoo/training/matrix_products.py`,
and their ratio. Then training steps of whole networks, with these layers and without.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any
from unittest import mock

from benchmarks.subject import design, random_images
from benchmarks.timing import in_turn, machine

BATCH = 128
#: Pixels a side, channels before and after, pixels a side of the kernel, stride.
LAYERS = (
    (1, 512, 2048, 1, 1),
    (2, 1024, 2048, 1, 2),
    (2, 256, 1024, 1, 1),
    (4, 128, 512, 1, 1),
    (8, 64, 256, 1, 1),
    (3, 192, 1152, 1, 1),
    (6, 112, 672, 1, 1),
    (1, 512, 512, 3, 1),
    (2, 256, 256, 3, 1),
)
NETWORKS = ("resnet50:32", "resnet50:64", "efficientnet_lite0:96")
LEFT_TO_KERAS = "model_zoo.training.faster_network._is_product"
AT_ANY_SIZE = "model_zoo.training.matrix_products.MOST_PIXELS"


def passes(layer: Any, side: int, channels: int) -> Callable[[], object]:
    """A forward and backward pass of one layer, compiled."""
    import tensorflow as tf

    images = tf.cast(tf.random.normal((BATCH, side, side, channels)), layer.compute_dtype)
    layer.build(images.shape)

    @tf.function
    def both() -> Any:
        with tf.GradientTape() as tape:
            tape.watch(images)
            loss = tf.reduce_sum(tf.cast(layer(images), tf.float32))
        of_images, of_kernel = tape.gradient(loss, (images, layer.kernel.value))
        return of_images[0, 0, 0, 0], of_kernel[0, 0, 0, 0]

    return lambda: [one.numpy() for one in both()]


def measure_layer(shape: tuple[int, int, int, int, int], policy: str, repeats: int) -> None:
    """Print milliseconds of both ways and their ratio."""
    import keras

    from model_zoo.training.matrix_products import by_product, is_product

    side, channels, filters, kernel, stride = shape
    kinds = {"own": keras.layers.Conv2D, "product": by_product()}
    layers = {
        name: kind(filters, kernel, strides=stride, padding="same", use_bias=False, dtype=policy)
        for name, kind in kinds.items()
    }
    used = "" if is_product(layers["own"], side, side) else " (left to Keras)"
    ways = {name: passes(layer, side, channels) for name, layer in layers.items()}
    with mock.patch(AT_ANY_SIZE, side * side):
        times = in_turn(ways, repeats, time.process_time)
    print(
        f"  {kernel}x{kernel} of {side}x{side} pixels, stride {stride}, {channels} to {filters}: "
        f"{times['own']:.1f} ms, as a product {times['product']:.1f}: "
        f"{times['own'] / times['product']:.2f} times as fast{used}",
        flush=True,
    )


def measure_network(case: str, policy: str, repeats: int) -> None:
    """Print images a second of processor time, of training steps both ways, and the ratio."""
    from model_zoo.training.faster_network import faster_in_training
    from model_zoo.training.precision import computing_in

    backbone, _, size = case.partition(":")
    chosen = design(backbone, int(size))
    examples = random_images(BATCH)

    def step() -> Callable[[], object]:
        with computing_in(policy):
            model = faster_in_training(chosen.network())
        chosen.compiled(model, 10_000)
        return lambda: model.train_on_batch(examples.images, examples.labels)

    with mock.patch(LEFT_TO_KERAS, lambda layer: False):
        ways = {"own": step()}
    ways["product"] = step()
    times = in_turn(ways, repeats, time.process_time)
    own, product = (1000 * BATCH / times[name] for name in ("own", "product"))
    print(
        f"{backbone} at {size} px, training in {policy}: {own:.0f} images a second of processor "
        f"time, {product:.0f} with products: {product / own:.2f} times as fast",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--precision", nargs="+", default=["float32", "mixed_bfloat16"])
    parser.add_argument("--repeats", type=int, default=6, help="rounds, the least counts")
    parser.add_argument("--networks", nargs="*", default=NETWORKS, help="backbone:pixels")
    parser.add_argument("--layers-only", action="store_true")
    given = parser.parse_args()
    print(machine("keras", "tensorflow-cpu"))
    for policy in given.precision:
        print(f"{policy}, forwards and backwards, batches of {BATCH}:")
        for shape in LAYERS:
            measure_layer(shape, policy, given.repeats)
        for case in () if given.layers_only else given.networks:
            measure_network(case, policy, given.repeats)


if __name__ == "__main__":
    main()
