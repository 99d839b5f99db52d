"""Fine-tuning the last block of a pretrained network: the notebook's way, and ours.

    python -m benchmarks.finetune [--backbone resnet50] [--image-size 224] [--images 256]
                                  [--epochs 10]

The notebook's way: the input pipeline makes 224x224 float RGB images, flipped, turned and zoomed at
that size; the frozen layers see every one of them again in every epoch; batches of 16. Ours, by
the recipe `finetune`: what the frozen layers make of the images as they are is computed once, in
the precision that is faster here, and the last block is trained on that; batches of 128.

The same images, epochs and trained layers; each way in a process of its own. Tracing the graphs is
not counted for either: it takes as long for 256 images as for 54,000. Weights are random, as time
does not depend on them. On a busy machine the ratio by processor time, over all threads, says more.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.subject import DATASET, design_of, random_images
from benchmarks.timing import machine
from model_zoo.data.dataset import Images
from model_zoo.settings import Places, Project, load_project

NOTEBOOK_BATCH = 16


def notebook_way(project: Project, places: Places, images: Images) -> dict[str, Any]:
    """Seconds of the project's epochs as the notebook trains."""
    import keras
    import tensorflow as tf
    from keras import layers

    from model_zoo.backbones import build_trunk, get_backbone, set_trainable
    from model_zoo.training.batches import untuned

    size = project.model.image_size
    backbone = get_backbone(project.model.backbone)
    trunk = build_trunk(backbone, size, project.model.weights)
    set_trainable(trunk, backbone, project.model.unfrozen_blocks)
    x = layers.GlobalAveragePooling2D()(trunk.output)
    x = layers.Dense(256, activation="relu")(x)
    x = layers.Dense(128, activation="relu")(x)
    answer = layers.Dense(len(DATASET.labels), activation="softmax")(x)
    model = keras.Model(trunk.input, answer)
    rate = keras.optimizers.schedules.ExponentialDecay(1e-3, 10_000, 0.9)
    model.compile(keras.optimizers.Adam(rate), "sparse_categorical_crossentropy")
    augment = keras.Sequential(
        [layers.RandomFlip("horizontal"), layers.RandomRotation(0.05), layers.RandomZoom(0.1)]
    )

    def enlarge(image: Any, label: Any) -> Any:
        rgb = tf.image.grayscale_to_rgb(tf.cast(image[..., None], tf.float32))
        return augment(tf.image.resize(rgb, (size, size)), training=True), label

    data = tf.data.Dataset.from_tensor_slices((images.images, images.labels))
    data = data.batch(NOTEBOOK_BATCH).map(enlarge, os.cpu_count()).prefetch(2)
    data = untuned(data)  # the notebook's way shall not lose by what TensorFlow's tuner costs
    model.fit(data.take(1), verbose=0)
    started, used = time.perf_counter(), time.process_time()
    model.fit(data, epochs=project.training.epochs, verbose=0)
    seconds = time.perf_counter() - started
    return {"seconds": seconds, "core_seconds": time.process_time() - used}


def our_way(project: Project, places: Places, images: Images) -> dict[str, Any]:
    """Seconds of the same by features that are computed once, and where they go."""
    from model_zoo.classifier import POOL
    from model_zoo.training.batches import in_batches
    from model_zoo.training.faster_network import faster_in_training
    from model_zoo.training.feature_cache import FeatureCache
    from model_zoo.training.frozen_part import split_where_training_begins
    from model_zoo.training.frozen_views import CHUNK
    from model_zoo.training.precision import choose_precision, computing_in
    from model_zoo.training.setup import cached_features

    def build() -> Any:
        return faster_in_training(design_of(project).network())

    policy = choose_precision(project.training.precision, build, _quietly)
    design = design_of(project.with_values({"training.precision": policy}))
    cache = FeatureCache(places.cache_dir / "features", places.feature_cache_gb)
    few = images.take(np.arange(CHUNK))
    with computing_in(policy):
        model = build()
    split = split_where_training_begins(model)
    assert split is not None
    cached_features(design, split, few, few, cache, _quietly)  # traces
    started, used = time.perf_counter(), time.process_time()
    found = cached_features(design, split, images, few, cache, _quietly)
    computed, used = time.perf_counter(), time.process_time() - used
    assert found is not None
    train = found[0]
    trained = design.compiled(split.trained, 1000)
    batch = min(project.training.batch_size, len(images))
    first = in_batches(train.inputs(np.arange(batch), 0), images.labels[:batch], batch)
    trained.fit(**first, verbose=0)
    reading = fitting = 0.0
    begun_using = time.process_time()
    order = np.random.default_rng(0)
    for epoch in range(project.training.epochs):
        begun = time.perf_counter()
        chosen = order.permutation(len(images))
        inputs = train.inputs(chosen, epoch)
        read = time.perf_counter()
        trained.fit(**in_batches(inputs, images.labels[chosen], batch), shuffle=False, verbose=0)
        reading += read - begun
        fitting += time.perf_counter() - read
    return {
        "seconds": computed - started + reading + fitting,
        "core_seconds": used + time.process_time() - begun_using,
        "features": computed - started,
        "reading": reading,
        "fitting": fitting,
        "precision": policy,
        "channels": model.get_layer(POOL).output.shape[-1],
    }


def _quietly(sentence: str) -> None:
    """Nobody reads along."""


WAYS = {"notebook": notebook_way, "ours": our_way}


def measured_ways(
    backbone: str, image_size: int, images: int, epochs: int, folder: Path
) -> dict[str, dict[str, Any]]:
    """Run both ways, each in a process of its own, with random weights that lie in ``folder``."""
    given = {
        "model.backbone": backbone,
        "model.image_size": image_size,
        "model.weights": str(_random_weights(backbone, image_size, folder)),
        "training.epochs": epochs,
    }
    found = {}
    for way in WAYS:
        command = [sys.executable, "-m", "benchmarks.finetune", "--way", way]
        command += ["--images", str(images), "--set", json.dumps(given)]
        home = os.environ | {"CATWALK_HOME": str(folder)}
        done = subprocess.run(command, env=home, capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(done.stderr)
        found[way] = json.loads(done.stdout.splitlines()[-1])
    return found


def measure(backbone: str, image_size: int, images: int, epochs: int) -> None:
    """Run both ways and print rates, ratio, peak memory, and where our time goes."""
    with tempfile.TemporaryDirectory() as folder:
        found = measured_ways(backbone, image_size, images, epochs, Path(folder))
    print(f"\n{backbone} at {image_size} px, {images} images, {epochs} epochs")
    for way, one in found.items():
        rate = images * epochs / one["seconds"]
        print(f"  {way:<10}{one['seconds']:8.1f} s {rate:9.1f} images/s {one['peak_mb']:8.0f} MB")
    ours = found["ours"]
    shares = {name: ours[name] / ours["seconds"] for name in ("features", "reading", "fitting")}
    print("  ours: " + ", ".join(f"{name} {share:.0%}" for name, share in shares.items()), end="")
    print(f"; computed in {ours['precision']}")
    by_time, by_cores = (
        found["notebook"][name] / ours[name] for name in ("seconds", "core_seconds")
    )
    print(f"  ours is {by_time:.1f} times as fast; by processor time {by_cores:.1f} times")


def _random_weights(backbone: str, image_size: int, folder: Path) -> Path:
    path = folder / "random.weights.h5"
    code = (
        "from model_zoo.backbones import *; from model_zoo.settings import Places;"
        "discover(Places.load().plugins_dir);"
        f"build_trunk(get_backbone({backbone!r}), {image_size}, 'none')"
        f".save_weights({str(path)!r})"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    return path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--backbone", default="resnet50", help="default: resnet50")
    parser.add_argument("--image-size", type=int, default=224, help="default: 224")
    parser.add_argument("--images", type=int, default=256, help="default: 256")
    parser.add_argument("--epochs", type=int, default=10, help="default: 10")
    parser.add_argument("--way", choices=list(WAYS), help=argparse.SUPPRESS)
    parser.add_argument("--set", default="{}", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if not given.way:
        print(machine("keras", "tensorflow-cpu"), flush=True)
        measure(given.backbone, given.image_size, given.images, given.epochs)
        return
    from model_zoo.plugin_registry import discover

    places = Places.load()
    discover(places.plugins_dir)
    project = load_project(None, {"profile": "standard"} | json.loads(given.set), places)
    found = WAYS[given.way](project, places, random_images(given.images))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps(found | {"peak_mb": peak}))


if __name__ == "__main__":
    main()
