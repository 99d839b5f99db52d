"""Concurrent requests share forward passes; a queue that is full refuses instead of growing."""

from __future__ import annotations

import queue
import threading
from concurrent.futures import Future
from typing import NamedTuple

import numpy as np

from model_zoo.errors import UserError
from model_zoo.predictor.served_classifier import Prediction, ServedClassifier

ANSWER_SECONDS = 60.0  # for one image, the wait included


class Overloaded(UserError):
    """More requests wait than the queue holds; asking again later helps."""


class Request(NamedTuple):
    classifier: ServedClassifier
    image: np.ndarray
    answer: Future[Prediction]


class PredictionQueue:
    """One thread predicts for all others, together for those that ask at the same time.

    It never waits for company: a batch is what arrived while the one before was computed, so a
    lone request is not delayed. Each request keeps the version that it was made for, so a version
    that is replaced answers what it was asked and is then let go.
    """

    def __init__(self, batch: int, waiting: int) -> None:
        """
        Args:
            batch: images in one forward pass at the most.
            waiting: images that may wait at the most.
        """
        self.batch = batch
        self._waiting: queue.Queue[Request | None] = queue.Queue(waiting)
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()

    def predict(self, classifier: ServedClassifier, image: np.ndarray) -> Prediction:
        """Predict for one image uint8, of the shape that it takes; blocks until it is answered.

        Raises:
            Overloaded: the queue is full, or nothing was answered in ``ANSWER_SECONDS``.
            UserError: what :meth:`ServedClassifier.predict` finds wrong.
        """
        answer: Future[Prediction] = Future()
        try:
            self._waiting.put_nowait(Request(classifier, np.asarray(image), answer))
        except queue.Full:
            raise Overloaded(
                f"{self._waiting.maxsize} predictions are waiting already: ask again later"
            ) from None
        self._start()
        try:
            return answer.result(ANSWER_SECONDS)
        except TimeoutError:
            if answer.done():  # it is the classifier that says so
                raise
            answer.cancel()
            raise Overloaded(f"no answer within {ANSWER_SECONDS:g} s: ask again later") from None

    def _start(self) -> None:
        with self._starting:  # at the first request: a thread does not survive a fork
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._work, name="predict", daemon=True)
                self._thread.start()

    def close(self) -> None:
        """Answer what waits, then end the thread."""
        if self._thread is not None and self._thread.is_alive():
            self._waiting.put(None)
            self._thread.join()

    def _work(self) -> None:
        while (first := self._waiting.get()) is not None:
            more = self._answer_with(first)
            del first  # or this frame would keep a replaced version alive
            if not more:
                return

    def _answer_with(self, first: Request) -> bool:
        """Answer ``first`` and what came meanwhile; False once the queue was closed."""
        together = [first]
        while len(together) < self.batch:
            try:
                following = self._waiting.get_nowait()
            except queue.Empty:
                break
            if following is None:
                _answer(together)
                return False
            together.append(following)
        _answer(together)
        return True


def _answer(requests: list[Request]) -> None:
    """Predict for each version and image shape among the requests at once."""
    groups: dict[tuple[int, tuple[int, ...], str], list[Request]] = {}
    for one in requests:
        key = (id(one.classifier), one.image.shape, str(one.image.dtype))
        groups.setdefault(key, []).append(one)
    for group in groups.values():
        group = [one for one in group if one.answer.set_running_or_notify_cancel()]
        if not group:  # nobody waits for it any more
            continue
        try:
            found = group[0].classifier.predict(np.stack([one.image for one in group]))
        except Exception as error:  # belongs to those who asked; the thread goes on
            for one in group:
                one.answer.set_exception(error)
        else:
            for one, prediction in zip(group, found, strict=True):
                one.answer.set_result(prediction)
