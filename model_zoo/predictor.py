"""Predict with a registered version; needs ONNX Runtime, not TensorFlow.

:class:`ProductionPredictor` follows the alias ``production``: it keeps the files of each version
on disk, changes to a new one only when that is loaded, and goes on with the last good one while
the registry is away.
"""

from __future__ import annotations

import json
import logging
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from model_zoo import registry
from model_zoo.config import Settings
from model_zoo.errors import UserError
from model_zoo.evaluation.calibration import apply_temperature
from model_zoo.files import fill_folder, read_json, write_json
from model_zoo.images import read_image

log = logging.getLogger(__name__)


class NothingInProduction(UserError):
    """No version carries the alias yet, or none could be fetched so far."""


@dataclass(frozen=True)
class Prediction:
    """``probabilities`` float64 (classes,), calibrated; ``heatmap`` float32 (h, w), Grad-CAM."""

    label: str
    confidence: float
    labels: tuple[str, ...]
    probabilities: np.ndarray
    image: np.ndarray
    heatmap: np.ndarray | None

    def as_dict(self) -> dict[str, Any]:
        shares = dict(zip(self.labels, map(float, self.probabilities), strict=True))
        return {"label": self.label, "confidence": self.confidence, "probabilities": shares}


class Classifier:
    """One version, loaded from a folder with ``model.onnx`` and ``classifier.json``."""

    def __init__(self, folder: Path, version: str, tags: dict[str, str], threads: int = 0) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self.session = onnxruntime.InferenceSession(
            folder / "model.onnx", options, providers=["CPUExecutionProvider"]
        )
        self.version = version
        self.tags = tags
        self.facts: dict[str, Any] = read_json(folder / "classifier.json")
        self.labels = tuple(self.facts["labels"])
        self.image_shape: tuple[int, int] = tuple(self.facts["image_shape"])  # type: ignore[assignment]
        self.outputs = [output.name for output in self.session.get_outputs()]
        self.input = self.session.get_inputs()[0].name

    def predict(self, images: np.ndarray) -> list[Prediction]:
        """Predict for uint8 (N, h, w)."""
        values = dict(
            zip(self.outputs, self.session.run(self.outputs, {self.input: images}), strict=True)
        )
        raw = np.asarray(values["probabilities"])
        calibrated = apply_temperature(raw, self.facts.get("temperature", 1.0))
        heatmaps = values.get("heatmap")
        return [
            Prediction(
                label=self.labels[int(row.argmax())],
                confidence=float(row.max()),
                labels=self.labels,
                probabilities=row,
                image=images[i],
                heatmap=None if heatmaps is None else np.asarray(heatmaps[i]),
            )
            for i, row in enumerate(calibrated)
        ]


class ProductionPredictor:
    """Predicts with whatever the alias ``production`` points at; safe for several threads."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.folder = settings.cache_dir / "versions" / settings.model_name
        self.problem: str | None = None
        self._current: Classifier | None = None
        self._refreshing = threading.Lock()

    @property
    def current(self) -> Classifier:
        """The version that answers now.

        Raises:
            NothingInProduction: there is none; says what to do.
        """
        if self._current is None:
            raise NothingInProduction(
                self.problem or "nothing is in production yet: retrain, then promote a version"
            )
        return self._current

    def refresh(self) -> None:
        """Ask the registry once, and change to the version that it names.

        Never raises for a registry that is away or a version that cannot be loaded: ``problem``
        then says so, and the last good version stays.
        """
        with self._refreshing:
            try:
                found = registry.find_alias(self.settings, "production")
                if found is None:
                    self.problem, self._current = None, None
                    return
                if self._current is None or self._current.version != found.version:
                    self._load(found.version, found.tags)
                    write_json(
                        self.folder / "production.json",
                        {"version": found.version, "tags": found.tags},
                    )
                self.problem = None
            except Exception as error:  # whatever it is, the last good version goes on
                text = str(error).strip().splitlines()
                self.problem = text[0] if text else type(error).__name__
                log.warning("production not refreshed: %s", self.problem)
                if self._current is None:
                    self._load_last_good()

    def start(self) -> None:
        """Load a version, then follow the alias.

        With one on disk that answers at once, and the registry is asked in the background: the
        client alone takes seconds to import.
        """
        self._load_last_good()
        if self._current is None:
            self.refresh()
        else:
            threading.Thread(target=self.refresh, name="first-refresh", daemon=True).start()
        self.follow()

    def _load(self, version: str, tags: dict[str, str]) -> None:
        folder = fill_folder(
            self.folder / version,
            lambda partial: registry.fetch_served_files(self.settings, version, partial),
        )
        self._current = Classifier(folder, version, tags)

    def _load_last_good(self) -> None:
        known = self.folder / "production.json"
        if not known.exists():
            return
        last = read_json(known)
        folder = self.folder / last["version"]
        try:
            self._current = Classifier(folder, last["version"], last["tags"])
        except (OSError, KeyError, json.JSONDecodeError, RuntimeError) as error:
            log.warning("the cached version in %s cannot be loaded: %s", folder, error)

    def follow(self) -> None:
        """Refresh every ``poll_seconds`` in a background thread, from now on."""
        stop = threading.Event()

        def poll() -> None:
            while not stop.wait(self.settings.poll_seconds):
                self.refresh()

        threading.Thread(target=poll, name="follow-production", daemon=True).start()

    def predict_content(self, content: bytes) -> tuple[Classifier, Prediction]:
        """Predict for the content of an image file; also returns the version that answered.

        Raises:
            NotAnImage: it is none, or too large.
            NothingInProduction: nobody can answer.
        """
        classifier = self.current
        image = read_image(content, classifier.image_shape, self.settings.max_pixels)
        return classifier, classifier.predict(image[None])[0]
