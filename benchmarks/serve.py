"""Serving with ONNX Runtime beside the other ways, in one run: latency, rate, start, memory.

    python -m benchmarks.serve [--backbone resnet50 mobilenet_v2] [--image-size 224] [--repeats 20]
                               [--providers openvino]

The ratio that it is named for: how many times as fast as ``keras predict`` the served ONNX file
answers one image. The way each runtime is used is the usual one: ``model.predict``; the model
compiled with ``tf.function``; the predictor of this repository (heatmaps of every class included);
a LiteRT file on all cores; with ``--providers`` the predictor on other execution providers, where
the installed ONNX Runtime has them. Weights are random, as time does not depend on them. Within a
process the ways are measured in turn, so that what else the machine does falls on all alike; the
figures are the least of all rounds. Start (from the start of Python to the first answer) and memory
(resident, after it) are of the quickest of a few fresh processes, with files in the page cache.
"""

from __future__ import annotations

import argparse
import functools
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.subject import DATASET, design, random_images
from benchmarks.timing import in_turn, machine
from model_zoo.processor import usable_cores
from model_zoo.registry.served_files import FACTS, FORMATS, MODEL, sha256

Run = Callable[[np.ndarray], Any]
BATCHES = (1, 32)


def keras_predict(folder: Path) -> Run:
    import keras

    model = keras.models.load_model(folder / "model.keras")
    return lambda images: model.predict(images, verbose=0)


def keras_compiled(folder: Path) -> Run:
    import keras
    import tensorflow as tf

    model = keras.models.load_model(folder / "model.keras")
    call = tf.function(functools.partial(model, training=False))
    return lambda images: call(tf.constant(images)).numpy()


def onnx_runtime(folder: Path) -> Run:
    from model_zoo.predictor import ServedClassifier

    return ServedClassifier(folder, "benchmark", {}, batch=32).predict


def onnx_runtime_int8(folder: Path) -> Run:
    from model_zoo.predictor import ServedClassifier

    int8 = FORMATS["onnx-int8"]
    return ServedClassifier(folder, "benchmark", {}, file=int8, batch=32).predict


def on_provider(provider: str) -> Callable[[Path], Run]:
    def open_file(folder: Path) -> Run:
        from model_zoo.predictor import ServedClassifier

        classifier = ServedClassifier(folder, "benchmark", {}, providers=provider, batch=32)
        if classifier.notice:
            raise SystemExit(classifier.notice)
        return classifier.predict

    return open_file


def litert(precision: str) -> Callable[[Path], Run]:
    def open_file(folder: Path) -> Run:
        from model_zoo.export.litert import open_litert

        return open_litert(folder / f"model.{precision}.tflite", usable_cores())

    return open_file


WAYS: dict[str, Callable[[Path], Run]] = {
    "keras predict": keras_predict,
    "keras compiled": keras_compiled,
    "ONNX Runtime": onnx_runtime,
    "ONNX Runtime int8": onnx_runtime_int8,
    "LiteRT float32": litert("float32"),
    "LiteRT float16": litert("float16"),
}
ON_PROVIDER = "ONNX on "


def way_by_name(name: str) -> Callable[[Path], Run]:
    """How to load what a row of the table measures."""
    if name.startswith(ON_PROVIDER):
        return on_provider(name.removeprefix(ON_PROVIDER))
    return WAYS[name]


def write_files(backbone: str, image_size: int, folder: Path) -> None:
    """The files of a version, without the checks of registration."""
    import tensorflow as tf

    from model_zoo.explanation.grad_cam import explained
    from model_zoo.export.onnx_int8 import quantise
    from model_zoo.files import write_json

    model = design(backbone, image_size).network()
    model.save(folder / "model.keras")
    with_heatmaps = explained(model)
    images = random_images(8).images
    with_heatmaps(images[:1], training=False)
    with_heatmaps.export(folder / MODEL, format="onnx", verbose=False)
    quantise(folder / MODEL, folder / FORMATS["onnx-int8"], images)
    write_json(folder / FACTS, facts_of(folder))
    saved = folder / "saved_model"
    with_heatmaps.export(saved, format="tf_saved_model", verbose=False)
    for precision in ("float32", "float16"):
        converter = tf.lite.TFLiteConverter.from_saved_model(str(saved))
        if precision == "float16":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
            converter.target_spec.supported_types = [tf.float16]
        (folder / f"model.{precision}.tflite").write_bytes(converter.convert())


def facts_of(folder: Path) -> dict[str, Any]:
    """What the predictor must know of the ONNX files in ``folder``."""
    return {
        "project": "benchmark",
        "labels": DATASET.labels,
        "image_shape": DATASET.image_shape,
        "preparation": DATASET.preparation,
        "statistics": {},
        "generated": True,
        "temperature": 1.0,
        "formats": [],
        "sha256": {path.name: sha256(path) for path in folder.glob("*.onnx")},
        "examples": [],
    }


def first_answer(way: str, folder: Path) -> dict[str, float]:
    """Seconds from the start of a fresh Python to its first answer, and its MiB resident."""
    command = [sys.executable, "-m", "benchmarks.serve", "--first", way, "--folder", str(folder)]
    started = time.time()
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return {"seconds": found["answered"] - started, "mebibytes": found["mebibytes"]}


def answer_once(way: str, folder: Path) -> None:
    """What :func:`first_answer` starts."""
    way_by_name(way)(folder)(np.zeros((1, *DATASET.array_shape), np.uint8))
    answered = time.time()
    import psutil

    mebibytes = psutil.Process().memory_info().rss / 2**20
    print(json.dumps({"answered": answered, "mebibytes": mebibytes}))


def measure(
    backbone: str, image_size: int, repeats: int, starts: int, providers: list[str]
) -> None:
    ways = [*WAYS, *(ON_PROVIDER + name for name in providers)]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_files(backbone, image_size, folder)
        runs = {way: way_by_name(way)(folder) for way in ways}
        images = random_images(max(BATCHES)).images
        found = {
            batch: in_turn(
                {
                    way: lambda run=run, batch=batch: run(images[:batch])
                    for way, run in runs.items()
                },
                repeats if batch == 1 else max(3, repeats // 5),
            )
            for batch in BATCHES
        }
        started = {
            way: min(
                (first_answer(way, folder) for _ in range(starts)), key=lambda one: one["seconds"]
            )
            for way in ways
        }
    print(f"\n{backbone} at {image_size} px")
    print(
        "way               batch 1 ms  batch 32 ms  images/s  start s  memory MiB  against predict"
    )
    for way in ways:
        one, many = found[1][way], found[32][way]
        print(
            f"{way:<18}{one:10.1f}{many:13.0f}{32_000 / many:10.1f}"
            f"{started[way]['seconds']:9.2f}{started[way]['mebibytes']:12.0f}"
            f"{found[1]['keras predict'] / one:16.1f}x"
        )
    served = found[1]["ONNX Runtime"]
    print(
        f"served file, one image: {found[1]['keras predict'] / served:.1f} times as fast as keras "
        f"predict, {found[1]['keras compiled'] / served:.1f} times as fast as compiled Keras"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--backbone", nargs="+", default=["resnet50"], help="default: resnet50")
    parser.add_argument("--image-size", type=int, default=224, help="default: 224")
    parser.add_argument("--repeats", type=int, default=20, help="at batch 1 (default: 20)")
    parser.add_argument("--starts", type=int, default=3, help="fresh processes (default: 3)")
    parser.add_argument("--providers", nargs="+", default=[], help="execution providers beside cpu")
    parser.add_argument("--first", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.first:
        answer_once(given.first, given.folder)
        return
    import onnxruntime  # its distribution has another name with each set of providers

    known = machine("keras", "tensorflow-cpu", "ai-edge-litert")
    print(f"{known}, onnxruntime {onnxruntime.__version__}", flush=True)
    for backbone in given.backbone:
        measure(backbone, given.image_size, given.repeats, given.starts, given.providers)


if __name__ == "__main__":
    main()
