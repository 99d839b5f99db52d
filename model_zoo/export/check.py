"""Compare an exported file with the Keras model that was evaluated, on real test images."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from model_zoo.data.dataset import Images
from model_zoo.data.pixels import Pixels
from model_zoo.progress import Say, part
from model_zoo.registry.format_report import FormatReport

# Images on which probabilities are compared; the top class is compared on all that are given.
COMPARED = 64
BATCH = 250
TIMED_RUNS = 20


@dataclass(frozen=True)
class Tolerance:
    """What a file may differ from the Keras model by, and still be attached.

    Attributes:
        difference: largest difference in probability; None where rounding may flip a close call,
            and accuracy decides.
        agreement: least share of images with the same top class.
        accuracy_loss: most accuracy on the whole test set that may be lost; None: not measured,
            since the file computes in the same precision.
    """

    difference: float | None
    agreement: float
    accuracy_loss: float | None = None


# A converter folds batch normalisation into convolutions: the rest is rounding in another order.
SAME_PRECISION = Tolerance(difference=1e-3, agreement=0.99)


@dataclass(frozen=True)
class Expected:
    """What the Keras model makes of the test images.

    Attributes:
        test: all test images with their labels.
        probabilities: float32 (COMPARED, classes) for the first of them.
        predicted: integers (N,), its top class for each.
    """

    test: Images
    probabilities: np.ndarray
    predicted: np.ndarray

    @property
    def compared(self) -> np.ndarray:
        return self.test.images[:COMPARED]

    @property
    def accuracy(self) -> float:
        return float((self.predicted == self.test.labels).mean())


Predict = Callable[[np.ndarray], np.ndarray]


def latency_ms(predict: Predict, images: np.ndarray) -> float:
    """Median milliseconds for one image, after one call to warm up."""
    predict(images[:1])
    times = []
    for i in range(TIMED_RUNS):
        one = images[i % len(images) : i % len(images) + 1]
        started = time.perf_counter()
        predict(one)
        times.append(time.perf_counter() - started)
    return round(1000 * float(np.median(times)), 3)


def check(
    name: str,
    path: Path,
    predict: Predict,
    expected: Expected,
    tolerance: Tolerance,
    say: Say = print,
) -> FormatReport:
    """Measure a file against Keras; ``attached`` says whether it is inside its tolerance.

    Args:
        predict: uint8 (N, h, w[, 3]) -> float (N, classes) probabilities, by the file.
    """
    received = predict(expected.compared)
    difference = float(np.abs(received - expected.probabilities).max())
    accuracy = None
    if tolerance.accuracy_loss is None:
        predicted = received.argmax(axis=1)
        agreement = float((predicted == expected.probabilities.argmax(axis=1)).mean())
    else:
        predicted = _top_classes(name, predict, expected.test.images, say)
        agreement = float((predicted == expected.predicted).mean())
        accuracy = float((predicted == expected.test.labels).mean())
    reason = _outside(tolerance, difference, agreement, accuracy, expected.accuracy)
    return FormatReport(
        format=name,
        file=path.name,
        attached=not reason,
        reason=reason,
        bytes=path.stat().st_size,
        latency_ms=latency_ms(predict, expected.compared),
        largest_difference=difference,
        agreement=agreement,
        accuracy=accuracy,
    )


def _top_classes(name: str, predict: Predict, images: Pixels, say: Say) -> np.ndarray:
    found = []
    with part(say, f"checking {name} on the test set", len(images)) as work:
        for start in range(0, len(images), BATCH):
            found.append(predict(images[start : start + BATCH]).argmax(axis=1))
            work.advance(BATCH)
    return np.concatenate(found)


def _outside(
    tolerance: Tolerance,
    difference: float,
    agreement: float,
    accuracy: float | None,
    keras_accuracy: float,
) -> str:
    """Why a file is outside its tolerance, or nothing. Written so that NaN is outside too."""
    if tolerance.difference is not None and not difference <= tolerance.difference:
        return (
            f"differs from Keras by {difference:.2g} in probability, {tolerance.difference} allowed"
        )
    if not agreement >= tolerance.agreement:
        return (
            f"same top class as Keras on {agreement:.2%} of the images, "
            f"{tolerance.agreement:.0%} wanted"
        )
    if accuracy is not None and tolerance.accuracy_loss is not None:
        lost = keras_accuracy - accuracy
        if not lost <= tolerance.accuracy_loss:
            return (
                f"loses {100 * lost:.2f} points of test accuracy, "
                f"{100 * tolerance.accuracy_loss:g} allowed"
            )
    return ""
