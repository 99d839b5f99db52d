"""Predict with whatever the alias ``production`` points at.

The files of each version stay on disk; a new one takes over only when it is loaded, and the last
good one goes on while the registry is away.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

import numpy as np

from model_zoo.config import Settings
from model_zoo.errors import UserError
from model_zoo.files import read_json, write_json
from model_zoo.images import read_image
from model_zoo.predictor.queue import PredictionQueue
from model_zoo.predictor.served_classifier import Classifier, Prediction
from model_zoo.predictor.versions import cache_folder, load_version, open_folder, version_folder
from model_zoo.registry import versions as registry

log = logging.getLogger(__name__)


class NothingInProduction(UserError):
    """No version carries the alias yet, or none could be fetched so far."""


class ProductionPredictor:
    """Predicts with whatever the alias ``production`` points at; safe for several threads."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.folder = cache_folder(settings)
        self.problem: str | None = None
        self._current: Classifier | None = None
        self._refreshing = threading.Lock()
        self._stopped = threading.Event()
        self._threads: list[threading.Thread] = []
        self._queue = PredictionQueue(settings.predictor_batch, settings.predictor_queue)

    @property
    def current(self) -> Classifier:
        """The version that answers now.

        Raises:
            NothingInProduction: there is none; says what to do.
        """
        current = self._current  # read once: another thread may replace it meanwhile
        if current is None:
            raise NothingInProduction(
                self.problem or "nothing is in production yet: retrain, then promote a version"
            )
        return current

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
                    self._current = load_version(self.settings, found)
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

    def _load_last_good(self) -> None:
        known = self.folder / "production.json"
        if not known.exists():
            return
        last = read_json(known)
        folder = version_folder(self.settings, last["version"])
        try:
            self._current = open_folder(self.settings, folder, last["version"], last["tags"])
        except UserError as error:
            log.warning("the cached version in %s cannot be loaded: %s", folder, error)

    def start(self) -> None:
        """Load a version, then follow the alias.

        With one on disk that answers at once, and the registry is asked in the background: the
        client alone takes seconds to import.
        """
        self._load_last_good()
        if self._current is None:
            self.refresh()
        else:
            self._in_background(self.refresh, "first-refresh")
        self.follow()

    def follow(self) -> None:
        """Refresh every ``poll_seconds`` in a background thread, until :meth:`close`."""

        def poll() -> None:
            while not self._stopped.wait(self.settings.poll_seconds):
                self.refresh()

        self._in_background(poll, "follow-production")

    def _in_background(self, work: Callable[[], None], name: str) -> None:
        thread = threading.Thread(target=work, name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def close(self) -> None:
        """Stop following, and answer what still waits; no thread of it is left then."""
        self._stopped.set()
        for thread in self._threads:
            thread.join()
        self._queue.close()

    def predict(self, image: np.ndarray) -> tuple[Classifier, Prediction]:
        """Predict for raw pixels uint8 (H, W); also returns the version that answered.

        Requests of several threads share forward passes.

        Raises:
            NothingInProduction: nobody can answer.
            Overloaded: too many wait already.
            UserError: another shape or dtype than the version takes.
        """
        classifier = self.current
        return classifier, self.predict_by(classifier, image)

    def predict_by(self, classifier: Classifier, image: np.ndarray) -> Prediction:
        """As :meth:`predict`, by a version that the caller holds already."""
        return self._queue.predict(classifier, image)

    def predict_content(self, content: bytes) -> tuple[Classifier, Prediction]:
        """Predict for the content of an image file; also returns the version that answered.

        Raises:
            NotAnImage: it is none, or too large.
            NothingInProduction: nobody can answer.
            Overloaded: too many wait already.
        """
        classifier = self.current
        image = read_image(content, classifier.image_shape, self.settings.max_pixels)
        return classifier, self._queue.predict(classifier, image)
