"""Predict with whatever the alias ``production`` points at.

The files of each version stay on disk; a new one takes over only when it is loaded, and the last
good one goes on while the registry is away. Where many projects are served, one that nobody asks
may be let go: its alias is followed all the same, and the next question loads the version again.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from model_zoo.errors import UserError
from model_zoo.files import read_json, write_json
from model_zoo.images import read_image
from model_zoo.predictor.memory import ModelMemory
from model_zoo.predictor.pauses import Pauses
from model_zoo.predictor.queue import PredictionQueue
from model_zoo.predictor.served_classifier import Prediction, ServedClassifier
from model_zoo.predictor.trouble import REGISTRY, in_short, kind_of
from model_zoo.predictor.versions import VersionCache, is_of
from model_zoo.registry.client import check_home
from model_zoo.registry.set_by_hand import misspelt
from model_zoo.registry.store import Store
from model_zoo.registry.versions import Version, aliases_of, find_alias
from model_zoo.settings import Serving

NOT_NAMED = "no version carries the alias production any more"
log = logging.getLogger(__name__)


class NothingInProduction(UserError):
    """No version carries the alias yet, or none could be fetched so far."""


class ProductionPredictor:
    """Predicts with whatever the alias ``production`` points at; safe for several threads."""

    def __init__(
        self, store: Store, serving: Serving, cache_dir: Path, memory: ModelMemory | None = None
    ) -> None:
        """
        Args:
            memory: shared with the predictors of other projects; None: this one is never let go.
        """
        self.store = store
        self.serving = serving
        self.versions = VersionCache(store, serving, cache_dir)
        self.problem: str | None = None
        self.in_short: str | None = None  # the same for those outside, where more is known
        self.kind: str | None = None  # of the problem, see ``predictor.trouble``
        self._pauses = Pauses(serving.poll_seconds)
        self.memory = memory
        self._current: ServedClassifier | None = None
        self._resting: str | None = None  # the version in production that was let go
        self._answering = 0
        self._changing = threading.Lock()  # of the three above; held for a moment only
        self._refreshing = threading.Lock()
        self._starting = threading.Lock()
        self._stopped = threading.Event()
        self._threads: list[threading.Thread] = []
        self._queue = PredictionQueue(serving.predictor_batch, serving.predictor_queue)

    @property
    def _note(self) -> Path:
        """Says which version was in production last."""
        return self.versions.note

    @property
    def current(self) -> ServedClassifier:
        """The version that answers now; loads it if it was let go.

        Raises:
            NothingInProduction: there is none; says what to do.
        """
        with self._changing:  # another thread may replace them meanwhile
            current, resting = self._current, self._resting
        if current is None and resting is not None:
            current = self._come_back()
        if current is None:
            raise NothingInProduction(
                self.problem
                or f"nothing is in production yet in {self.store.place}: retrain, then promote a "
                "version"
            )
        if self.memory is not None:
            self.memory.used(self)
        return current

    @property
    def version(self) -> str | None:
        """Of what answers now, or will when it is asked; None: nothing can. Loads nothing."""
        with self._changing:
            return self._resting if self._current is None else self._current.version

    @contextmanager
    def answering(self) -> Iterator[ServedClassifier]:
        """The version that answers now; it is not let go meanwhile.

        Raises:
            NothingInProduction: there is none; says what to do.
        """
        with self._changing:
            self._answering += 1
        try:
            yield self.current
        finally:
            with self._changing:
                self._answering -= 1

    @property
    def registry_away(self) -> bool:
        """Whether that is the problem."""
        return self.kind == REGISTRY

    @property
    def is_answering(self) -> bool:
        return self._answering > 0

    @property
    def held_bytes(self) -> int:
        """As large as its file, which is what a loaded version takes."""
        current = self._current
        return 0 if current is None else current.bytes

    def let_go(self) -> None:
        """Drop the loaded version; the next question loads it again."""
        with self._changing:
            if self._current is not None:
                self._resting = self._current.version
                self._current = None

    def _come_back(self) -> ServedClassifier | None:
        with self._refreshing:
            if self._current is not None or self._resting is None:
                return self._current  # another thread was first
            found = None
            if _noted(self._note).get("version") == self._resting:
                found = self._load_last_good()  # without asking the registry
            return found or self._look(come_back=True)

    def refresh(self) -> None:
        """Ask the registry once, and change to the version that it names.

        Never raises for a registry that is away or a version that cannot be loaded: ``problem``
        then says so, and the last good version stays.
        """
        with self._refreshing:
            self._look()

    def _look(self, come_back: bool = False) -> ServedClassifier | None:
        """What :meth:`refresh` does; what it loaded. ``come_back``: also a version let go."""
        try:
            found = find_alias(self.store, "production")
            loaded = None
            if found is None:
                if self.version is not None:
                    check_home(self.store)
                self.problem = self.in_short = misspelt(aliases_of(self.store))
                if self.version is not None:  # whoever deleted the alias may not have meant this
                    self.problem = self.in_short = self.problem or NOT_NAMED
                self.kind = None
                return None
            if self._current is None and self._resting is not None and not come_back:
                self._resting = found.version  # loaded when somebody asks
            elif self._current is None or not is_of(self._current, found):
                if self._pauses.is_waiting(_name_of(found)):
                    return None  # what is known of it stays true
                self._pauses.began(_name_of(found))
                loaded = self._change(self.versions.load(found))
                self._pauses.over()
                write_json(self._note, {"version": found.version, "tags": found.tags})
            self.problem = self.in_short = self.kind = None
            return loaded
        except Exception as error:  # whatever it is, the last good version goes on
            text = str(error).strip().splitlines()
            self.problem = text[0] if text else type(error).__name__
            self.kind, self.in_short = kind_of(error), in_short(error)
            log.warning("production not refreshed: %s", self.problem)
            resting = self._resting is not None and not come_back
            return self._load_last_good() if self._current is None and not resting else None

    def _load_last_good(self) -> ServedClassifier | None:
        last = _noted(self._note)
        try:
            return self._change(self.versions.open(last["version"], last["tags"])) if last else None
        except UserError as error:
            log.warning("the version kept on disk cannot be loaded: %s", error)
            return None

    def _change(self, loaded: ServedClassifier | None) -> ServedClassifier | None:
        with self._changing:
            self._current, self._resting = loaded, None
        if loaded is not None and self.memory is not None:
            self.memory.loaded(self)
        return loaded

    def start(self) -> None:
        """Load a version, then follow the alias; once, whoever else calls waits for the first.

        With one on disk that answers at once, and the registry is asked in the background: the
        client alone takes seconds to import.
        """
        with self._starting:
            if self._threads:
                return
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
        """Stop following, answer what still waits, let go; no thread of it is left then."""
        self._stopped.set()
        for thread in self._threads:
            thread.join()
        self._queue.close()
        self._change(None)
        if self.memory is not None:
            self.memory.forget(self)

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


def _name_of(version: Version) -> str:
    """What is tried again with pauses: a version whose tags were mended is another one."""
    return f"{version.version} {sorted(version.tags.items())}"


def _noted(note: Path) -> dict[str, Any]:
    """The version that was in production last, and its tags; empty before the first."""
    return read_json(note) if note.exists() else {}
