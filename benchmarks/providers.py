"""The same registered version by other execution providers: does it still say the same?

    python -m benchmarks.providers [--version production] [--providers cpu openvino openvino-bf16]

Runs the ONNX file of a version of CATWALK_HOME on the 10,000 official test images by each provider
that the installed ONNX Runtime has. Prints accuracy, on how many images the answer is another one
than the first provider's, the largest difference in a probability, and milliseconds an image.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from benchmarks.timing import machine
from model_zoo.config import load_settings
from model_zoo.data.fashion_mnist.source import load
from model_zoo.predictor import load_classifier


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--version", default="production", help="or a number, or a file")
    parser.add_argument("--providers", nargs="+", default=["cpu", "openvino", "openvino-bf16"])
    given = parser.parse_args()
    import onnxruntime  # its distribution has another name with each set of providers

    print(f"{machine('numpy')}, onnxruntime {onnxruntime.__version__}")
    settings = load_settings()
    if settings.data_dir is None:
        raise SystemExit("set CATWALK_DATA_DIR to the folder with the official files")
    _, test = load(settings.data_dir)
    reference = None
    for provider in given.providers:
        chosen = settings.model_copy(update={"execution_providers": provider})
        classifier = load_classifier(chosen, given.version)
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
