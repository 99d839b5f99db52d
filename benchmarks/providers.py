"""The same registered version by other execution providers: does it still say the same?

    python -m benchmarks.providers [--version production] [--providers cpu openvino openvino-bf16]

Runs the ONNX file of a version of CATWALK_HOME on the project's test images by each provider that
the installed ONNX Runtime has. Prints accuracy, on how many images the answer is another one
than the first provider's, the largest difference in a probability, and milliseconds an image.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from benchmarks.timing import machine
from model_zoo.data.source import SOURCES
from model_zoo.plugin_registry import discover
from model_zoo.predictor import load_classifier
from model_zoo.registry.store import store_of
from model_zoo.settings import Places, Serving, load_project


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--version", default="production", help="or a number, or a file")
    parser.add_argument("--providers", nargs="+", default=["cpu", "openvino", "openvino-bf16"])
    given = parser.parse_args()
    import onnxruntime  # its distribution has another name with each set of providers

    print(f"{machine('numpy')}, onnxruntime {onnxruntime.__version__}")
    places = Places.load()
    discover(places.plugins_dir)
    project = load_project(places=places)
    found_images = SOURCES.get(project.data.source)(project.data, places, print)
    test = found_images.test
    print(f"{len(test):,} test images: {found_images.dataset.origin}")
    store = store_of(project, places)
    reference = None
    for provider in given.providers:
        serving = Serving.load(execution_providers=provider)
        classifier = load_classifier(store, serving, places.cache_dir, given.version)
        if classifier.notice:
            print(f"  {provider:<14} {classifier.notice}")
            continue
        started = time.perf_counter()
        found = classifier.probabilities(test.images)
        took = 1000 * (time.perf_counter() - started) / len(test)
        reference = found if reference is None else reference
        accuracy = np.mean(found.argmax(axis=1) == test.labels)
        others = np.sum(found.argmax(axis=1) != reference.argmax(axis=1))
        print(
            f"  {provider:<14} accuracy {accuracy:.2%}, another answer on {others}, largest "
            f"difference {np.abs(found - reference).max():.1e}, {took:.2f} ms an image"
        )


if __name__ == "__main__":
    main()
