"""What Grad-CAM costs on top of a plain prediction: as outputs of the graph, and in two passes.

    python -m benchmarks.heatmap [--backbone resnet50] [--image-size 224] [--repeats 30]

Two passes is the usual way (https://keras.io/examples/vision/grad_cam/): predict, then run the
network again under a gradient tape for the heatmap of the class that was found; both compiled.
Weights are random, as time does not depend on them. Cost is processor time over all threads, which
other programs on the machine hardly change; ways are measured in turn, and the figures are the
least of all rounds.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.subject import design, random_images
from benchmarks.timing import in_turn, machine


def two_pass(model: Any) -> Callable[[Any, Any], Any]:
    """Grad-CAM by automatic differentiation (Selvaraju et al. 2017).

    Returns:
        A function (images uint8 (N, H, W), classes int32 (N,)) -> heatmaps float32 (N, h, w) of
        the class that is named for each image; TensorFlow may compile it.
    """
    import keras
    import tensorflow as tf

    from model_zoo.classifier import TRUNK

    trunk = keras.Model(model.input, model.get_layer(TRUNK).output)

    def grad_cam(images: Any, classes: Any) -> Any:
        features = trunk(images, training=False)
        with tf.GradientTape() as tape:
            tape.watch(features)
            x = features
            for name in ("pool", "dense_1", "dense_2", "logits"):
                x = model.get_layer(name)(x)
            chosen = tf.gather(x, classes, batch_dims=1)
        weights = tf.reduce_mean(tape.gradient(chosen, features), axis=(1, 2), keepdims=True)
        return tf.nn.relu(tf.reduce_sum(features * weights, axis=-1))

    return grad_cam


def export(model: Any, path: Path) -> Callable[[np.ndarray], list[Any]]:
    """Write an ONNX file and return a function that runs all of it."""
    from model_zoo.predictor.session import open_session

    model.export(path, format="onnx", verbose=False)
    session, _ = open_session(path)
    name = session.get_inputs()[0].name
    return lambda images: session.run(None, {name: images})


def measure(backbone: str, image_size: int, repeats: int) -> None:
    import keras
    import tensorflow as tf

    from model_zoo.explanation.grad_cam import explained

    model = design(backbone, image_size).network()
    images = random_images(32).images
    with_maps = explained(model)
    plain = keras.Model(with_maps.input, with_maps.output["probabilities"])
    for one in (with_maps, plain):
        one(images[:1], training=False)
    with tempfile.TemporaryDirectory() as folder:
        run_plain = export(plain, Path(folder) / "plain.onnx")
        run_with = export(with_maps, Path(folder) / "with.onnx")
    forward = tf.function(lambda x: plain(x, training=False))
    second = tf.function(two_pass(model))

    def both_passes(batch: Any) -> None:
        found = forward(batch)
        second(batch, tf.argmax(found, axis=1, output_type=tf.int32)).numpy()

    for count in (1, 32):
        batch = images[:count]
        tensor = tf.constant(batch)
        found = in_turn(
            {
                "ONNX Runtime, plain": lambda batch=batch: run_plain(batch),
                "ONNX Runtime, with every class's heatmap": lambda batch=batch: run_with(batch),
                "compiled Keras, plain": lambda tensor=tensor: forward(tensor).numpy(),
                "compiled Keras, then Grad-CAM": lambda tensor=tensor: both_passes(tensor),
            },
            repeats if count == 1 else max(3, repeats // 5),
            time.process_time,
        )
        plain_ms, with_ms, keras_ms, twice_ms = found.values()
        print(f"\n{backbone} at {image_size} px, batch {count}")
        for name, value in found.items():
            print(f"  {name:<42}{value:9.2f} ms")
        print(
            f"  extra cost of the heatmap: one pass {with_ms / plain_ms - 1:+.1%}, "
            f"two passes {twice_ms / keras_ms - 1:+.1%}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--backbone", default="resnet50", help="default: resnet50")
    parser.add_argument("--image-size", type=int, default=224, help="default: 224")
    parser.add_argument("--repeats", type=int, default=30, help="at batch 1 (default: 30)")
    given = parser.parse_args()
    print(machine("keras", "tensorflow-cpu", "onnxruntime", "tf2onnx"), flush=True)
    measure(given.backbone, given.image_size, given.repeats)


if __name__ == "__main__":
    main()
