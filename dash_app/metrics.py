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
from model_zoo.predictor.trouble import KINDS, REGISTRY

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
    """The metrics of one server; each has a label that says of which project."""

    def __init__(self, shared: bool = False) -> None:
        self._shared = shared
        self._registry = CollectorRegistry()
        self.answers = Counter(
            "catwalk_predictions", "Images answered.", ("project", "version", "label", "source"),
            registry=self._registry,
        )  # fmt: skip
        self.refused = Counter(
            "catwalk_refused", "Files that were no image.", ("project", "source"),
            registry=self._registry,
        )  # fmt: skip
        self.confidence = Histogram(
            "catwalk_confidence", "Calibrated confidence of the answers.", ("project", "version"),
            buckets=CONFIDENCE, registry=self._registry,
        )  # fmt: skip
        self.seconds = Histogram(
            "catwalk_image_seconds", "Decoding, preparing and predicting, an image.",
            ("project", "source"), buckets=SECONDS, registry=self._registry,
        )  # fmt: skip
        self._requests = Counter(
            "catwalk_http_requests", "HTTP requests.", ("route", "status"),
            registry=self._registry,
        )  # fmt: skip
        self._serving = Gauge(
            "catwalk_serving_version", "Number of the version that answers; 0: none.", ("project",),
            registry=self._registry, multiprocess_mode="max",
        )  # fmt: skip
        self._loaded = Gauge(
            "catwalk_loaded_bytes", "Of the versions in memory, production and others.",
            ("project",), registry=self._registry, multiprocess_mode="livesum",
        )  # fmt: skip
        self._registry_away = Gauge(
            "catwalk_registry_away", "1 while MLflow does not answer.", ("project",),
            registry=self._registry, multiprocess_mode="max",
        )  # fmt: skip

        self._problem = Gauge(
            "catwalk_production_problem",
            "1 while the version in production cannot be loaded for this reason.",
            ("project", "kind"), registry=self._registry, multiprocess_mode="max",
        )  # fmt: skip
        self.last_answer = Gauge(
            "catwalk_last_answer_timestamp_seconds", "When an image was answered last.",
            ("project",), registry=self._registry, multiprocess_mode="max",
        )  # fmt: skip
        self._promoted = Gauge(
            "catwalk_production_moved_timestamp_seconds", "When production moved last.",
            ("project",), registry=self._registry, multiprocess_mode="max",
        )  # fmt: skip
        self._newest = Gauge(
            "catwalk_newest_version_timestamp_seconds",
            "When the newest version was registered, by the last run that came that far.",
            ("project",), registry=self._registry, multiprocess_mode="max",
        )  # fmt: skip

    def of(self, project: str) -> ProjectMetrics:
        """Those of one project."""
        return ProjectMetrics(self, project)

    def request(self, route: str, status: int) -> None:
        self._requests.labels(route, str(status)).inc()

    def serving(self, project: str, version: str | None, loaded: int, problem: str | None) -> None:
        """How a project is now.

        Args:
            loaded: bytes of its versions in memory.
            problem: its kind, see ``predictor.trouble``; None: all is well.
        """
        self._serving.labels(project).set(float(version) if version else 0)
        self._loaded.labels(project).set(loaded)
        self._registry_away.labels(project).set(problem == REGISTRY)
        for kind in KINDS:
            self._problem.labels(project, kind).set(kind == problem)

    def ages(self, project: str, promoted: float | None, newest: float | None) -> None:
        """Moments in seconds since 1970; what never happened has no figure."""
        for gauge, moment in ((self._promoted, promoted), (self._newest, newest)):
            if moment is not None:
                gauge.labels(project).set(moment)

    def text(self) -> bytes:
        """Everything in Prometheus' text format, of all workers."""
        if not self._shared:
            return generate_latest(self._registry)
        together = CollectorRegistry()
        multiprocess.MultiProcessCollector(together)  # type: ignore[no-untyped-call]
        return generate_latest(together)


class ProjectMetrics:
    """What is counted of the answers of one project."""

    def __init__(self, metrics: Metrics, project: str) -> None:
        self._metrics = metrics
        self._project = project

    def answered(self, prediction: Prediction, version: str, source: str) -> None:
        labels = (self._project, version, prediction.label, source)
        self._metrics.answers.labels(*labels).inc()
        self._metrics.last_answer.labels(self._project).set_to_current_time()
        self._metrics.confidence.labels(self._project, version).observe(prediction.confidence)

    def refused(self, source: str) -> None:
        self._metrics.refused.labels(self._project, source).inc()

    def took(self, seconds: float, source: str) -> None:
        self._metrics.seconds.labels(self._project, source).observe(seconds)
