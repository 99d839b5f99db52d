"""The one way from what people send to an answer; the page and the API both take it."""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Iterator, Sequence

import numpy as np

from dash_app.metrics import ProjectMetrics
from dash_app.uploads import Refusal, Sent, Upload
from model_zoo.errors import UserError
from model_zoo.images import Prepared, decode_for, prepare
from model_zoo.predictor import Answer, Prediction, ProductionPredictor, ServedClassifier, doubts

# A decoded frame of 25 million pixels takes 100 MB for a moment: not in every thread at once.
DECODED_AT_ONCE = 2
BATCH = 32


class Answers:
    """Prepares and predicts; safe for several threads."""

    def __init__(
        self,
        predictor: ProductionPredictor,
        metrics: ProjectMetrics,
        max_pixels: int,
        unsure_below: float,
    ) -> None:
        """
        Args:
            max_pixels: of the largest picture that is decoded.
            unsure_below: the calibrated confidence under which an answer is called unsure.
        """
        self.predictor = predictor
        self.metrics = metrics
        self.max_pixels = max_pixels
        self.unsure_below = unsure_below
        self._decoding = threading.BoundedSemaphore(DECODED_AT_ONCE)

    def one(
        self,
        upload: Upload,
        without: Collection[str] = (),
        classifier: ServedClassifier | None = None,
        source: str = "page",
    ) -> Answer:
        """Answer one file with pictures of its steps, by production or the version given.

        Raises:
            NotAnImage: it is none, or too large.
            NothingInProduction: nobody can answer.
            Overloaded: too many wait already.
        """
        (found,) = self.many([upload], without, classifier, source, pictures=True)
        if isinstance(found, Refusal):
            raise UserError(found.reason)
        return found

    def many(
        self,
        uploads: Sequence[Sent],
        without: Collection[str] = (),
        classifier: ServedClassifier | None = None,
        source: str = "page",
        pictures: bool = False,
    ) -> list[Answer | Refusal]:
        """Answer several files, all by the same version, in their order.

        Args:
            uploads: what is refused already stays so.
            without: names of steps of the preparation that are left out; those that the version
                does not have mean nothing.
            pictures: keep those of the steps, about 200 kB a file.

        Raises:
            NothingInProduction: nobody can answer.
        """
        answers: list[Answer | Refusal] = []
        with self.predictor.answering() as production:
            version = classifier or production
            for some in _slices(uploads, BATCH):
                answers += self._batch(some, without, version, source, pictures)
        return answers

    def _batch(
        self,
        uploads: Sequence[Sent],
        without: Collection[str],
        version: ServedClassifier,
        source: str,
        pictures: bool,
    ) -> list[Answer | Refusal]:
        started = time.perf_counter()
        prepared: dict[int, Prepared] = {}
        answers: dict[int, Answer | Refusal] = {}
        for i, upload in enumerate(uploads):
            if isinstance(upload, Refusal):
                self.metrics.refused(source)
                answers[i] = upload
                continue
            try:
                with self._decoding:
                    decoded = decode_for(
                        upload.content, version.image_shape, version.preparation, self.max_pixels
                    )
                prepared[i] = prepare(
                    decoded, version.image_shape, version.preparation, without, pictures
                )
            except UserError as error:
                self.metrics.refused(source)
                answers[i] = Refusal(upload.name, str(error))
        if prepared:
            predictions = self._predict(version, [one.image for one in prepared.values()])
            for (i, one), prediction in zip(prepared.items(), predictions, strict=True):
                found = doubts(prediction, one, version, self.unsure_below)
                answers[i] = Answer(uploads[i].name, version.version, prediction, one, found)
                self.metrics.answered(prediction, version.version, source)
        self.metrics.took((time.perf_counter() - started) / len(uploads), source)
        return [answers[i] for i in range(len(uploads))]

    def _predict(self, version: ServedClassifier, images: list[np.ndarray]) -> list[Prediction]:
        """A lone image shares a forward pass with those that other threads ask for."""
        if len(images) == 1:
            return [self.predictor.predict_by(version, images[0])]
        return version.predict(np.stack(images))


def _slices(uploads: Sequence[Sent], size: int) -> Iterator[Sequence[Sent]]:
    for start in range(0, len(uploads), size):
        yield uploads[start : start + size]
