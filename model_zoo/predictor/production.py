"""Predict with whatever the alias ``production`` points at.

The files of each version stay on disk; a new one takes over only when it is loaded, and the last
good one goes on while the registry is away.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np

from model_zoo.errors import UserError
from model_zoo.files import read_json, write_json
from model_zoo.images import read_image
from model_zoo.predictor.queue import PredictionQueue
from model_zoo.predictor.served_classifier import Prediction, ServedClassifier
from model_zoo.predictor.versions import VersionCache, is_of
from model_zoo.registry.client import RegistryUnavailable
from model_zoo.registry.set_by_hand import misspelt
from model_zoo.registry.store import Store
from model_zoo.registry.versions import aliases_of, find_alias
from model_zoo.settings import Serving

log = logging.getLogger(__name__)


class NothingInProduction(UserError):
    """No version carries the alias yet, or none could be fetched so far."""


class ProductionPredictor:
    """Predicts with whatever the alias ``production`` points at; safe for several threads."""

    def __init__(self, store: Store, serving: Serving, cache_dir: Path) -> None:
        self.store = store
        self.serving = serving
        self.versions = VersionCache(store, serving, cache_dir)
        self.problem: str | None = None
        self.registry_away = False  # that is the problem
        self.in_short: str | None = None  # the same for those outside, where it is MLflow's
        self._current: ServedClassifier | None = None
        self._refreshing = threading.Lock()
        self._stopped = threading.Event()
        self._threads: list[threading.Thread] = []
        self._queue = PredictionQueue(serving.predictor_batch, serving.predictor_queue)

    @property
    def _note(self) -> Path:
        """Says which version was in production last."""
        return self.versions.folder / "production.json"

    @property
    def current(self) -> ServedClassifier:
        """The version that answers now.

        Raises:
            NothingInProduction: there is none; says what to do.
        """
        current = self._current  # read once: another thread may replace it meanwhile
        if current is None:
            raise NothingInProduction(
                self.problem
                or f"nothing is in production yet in {self.store.place}: retrain, then promote a "
                "version"
            )
        return current

    def refresh(self) -> None:
        """Ask the registry once, and change to the version that it names.

        Never raises for a registry that is away or a version that cannot be loaded: ``problem``
        then says so, and the last good version stays.
        """
        with self._refreshing:
            try:
                found = find_alias(self.store, "production")
                if found is None:
                    self._current = None
                    self.problem = misspelt(aliases_of(self.store))
                    self.in_short, self.registry_away = self.problem, False
                    return
                if self._current is None or not is_of(self._current, found):
                    self._current = self.versions.load(found)
                    write_json(self._note, {"version": found.version, "tags": found.tags})
                self.problem = self.in_short = None
                self.registry_away = False
            except Exception as error:  # whatever it is, the last good version goes on
                text = str(error).strip().splitlines()
                self.problem = text[0] if text else type(error).__name__
                self.registry_away = isinstance(error, RegistryUnavailable)
                self.in_short = error.in_short if isinstance(error, RegistryUnavailable) else None
                log.warning("production not refreshed: %s", self.problem)
                if self._current is None:
                    self._load_last_good()

    def _load_last_good(self) -> None:
        if not self._note.exists():
            return
        last = read_json(self._note)
        try:
            self._current = self.versions.open(last["version"], last["tags"])
        except UserError as error:
            log.warning("the version kept on disk cannot be loaded: %s", error)

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
            while not self._stopped.wait(self.serving.poll_seconds):
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

    def predict(self, image: np.ndarray) -> tuple[ServedClassifier, Prediction]:
        """Predict for raw pixels, uint8 of the version's ``array_shape``.

        Requests of several threads share forward passes.

        Returns:
            The version that answered, and its answer.

        Raises:
            NothingInProduction: nobody can answer.
            Overloaded: too many wait already.
            UserError: another shape or dtype than the version takes.
        """
        classifier = self.current
        return classifier, self.predict_by(classifier, image)

    def predict_by(self, classifier: ServedClassifier, image: np.ndarray) -> Prediction:
        """As :meth:`predict`, by a version that the caller holds already."""
        return self._queue.predict(classifier, image)

    def predict_content(self, content: bytes) -> tuple[ServedClassifier, Prediction]:
        """Predict for the content of an image file, prepared as the version wants it.

        Returns:
            The version that answered, and its answer.

        Raises:
            NotAnImage: it is none, or too large.
            NothingInProduction: nobody can answer.
            Overloaded: too many wait already.
        """
        classifier = self.current
        image = read_image(
            content, classifier.image_shape, classifier.preparation, self.serving.max_pixels
        )
        return classifier, self._queue.predict(classifier, image)
