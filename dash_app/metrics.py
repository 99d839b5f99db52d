"""What Prometheus reads: how many answers, of what, how confident, how quick."""

from __future__ import annotations

import os
from pathlib import Path

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
    multiprocess,
)

from model_zoo.predictor import Prediction

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
CONFIDENCE = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1.0)
SHARED_FOLDER = "PROMETHEUS_MULTIPROC_DIR"  # prometheus_client's own


def share_among_workers(folder: Path) -> None:
    """Let the workers of this process count together; before any metric is made.

    What earlier workers left is removed: a counter starts at zero with its server.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.db"):
        old.unlink()
    os.environ[SHARED_FOLDER] = str(folder)


def worker_ended(pid: int) -> None:
    """Forget the gauges of a worker that has ended."""
    multiprocess.mark_process_dead(pid)  # type: ignore[no-untyped-call]


class Metrics:
    """The metrics of one server."""

    def __init__(self, shared: bool = False) -> None:
        self._shared = shared
        self._registry = CollectorRegistry()
        self._answers = Counter(
            "catwalk_predictions", "Images answered.", ("version", "label", "source"),
            registry=self._registry,
        )  # fmt: skip
        self._refused = Counter(
            "catwalk_refused", "Files that were no image.", ("source",), registry=self._registry
        )
        self._confidence = Histogram(
            "catwalk_confidence", "Calibrated confidence of the answers.", ("version",),
            buckets=CONFIDENCE, registry=self._registry,
        )  # fmt: skip
        self._seconds = Histogram(
            "catwalk_image_seconds", "Decoding, preparing and predicting, an image.", ("source",),
            buckets=SECONDS, registry=self._registry,
        )  # fmt: skip
        self._requests = Counter(
            "catwalk_http_requests", "HTTP requests.", ("route", "status"),
            registry=self._registry,
        )  # fmt: skip
        self._serving = Gauge(
            "catwalk_serving_version", "Number of the version that answers; 0: none.",
            registry=self._registry, multiprocess_mode="max",
        )  # fmt: skip
        self._registry_away = Gauge(
            "catwalk_registry_away", "1 while MLflow does not answer.",
            registry=self._registry, multiprocess_mode="max",
        )  # fmt: skip

    def answered(self, prediction: Prediction, version: str, source: str) -> None:
        self._answers.labels(version, prediction.label, source).inc()
        self._confidence.labels(version).observe(prediction.confidence)

    def refused(self, source: str) -> None:
        self._refused.labels(source).inc()

    def took(self, seconds: float, source: str) -> None:
        self._seconds.labels(source).observe(seconds)

    def request(self, route: str, status: int) -> None:
        self._requests.labels(route, str(status)).inc()

    def text(self, version: str | None, problem: str | None) -> bytes:
        """Everything in Prometheus' text format, of all workers."""
        self._serving.set(float(version) if version else 0)
        self._registry_away.set(bool(problem))
        if not self._shared:
            return generate_latest(self._registry)
        together = CollectorRegistry()
        multiprocess.MultiProcessCollector(together)  # type: ignore[no-untyped-call]
        return generate_latest(together)
