"""The one way from what people send to an answer; the page and the API both take it."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Sequence

import numpy as np

from dash_app.limits import PictureLimit, Turns, address
from dash_app.metrics import ProjectMetrics
from dash_app.settings import PageSettings
from dash_app.uploads import Refusal, Sent, Upload
from model_zoo.errors import UserError
from model_zoo.images import Prepared, least_side, prepare
from model_zoo.images.decoders import Budget, Decoders, DecodersBusy
from model_zoo.predictor import Answer, Prediction, ProductionPredictor, ServedClassifier, doubts
from model_zoo.settings import Serving

BATCH = 32


class Shared:
    """What the answers of all projects of a server share: processes that decode, and limits."""

    def __init__(self, serving: Serving, page: PageSettings) -> None:
        self.serving = serving
        self.decoders = Decoders(serving.max_pixels, serving.decode_mb, serving.decode_seconds)
        self.limit = PictureLimit(page.pictures_a_minute)
        self.turns = Turns()

    def budget(self, pictures: int) -> Budget:
        """Of one request."""
        limits = self.serving.request_pixels, self.serving.request_seconds
        return Budget(*limits, patient=pictures > 1, sender=address())


class Answers:
    """Prepares and predicts; safe for several threads."""

    def __init__(
        self,
        predictor: ProductionPredictor,
        metrics: ProjectMetrics,
        shared: Shared,
    ) -> None:
        self.predictor = predictor
        self.metrics = metrics
        self.shared = shared
        self.unsure_below = shared.serving.unsure_below

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
            TooMany: this address asks too often.
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
            TooMany: this address asks too often, or too many batches are being answered.
        """
        self.shared.limit.take(address(), len(uploads))
        answers: list[Answer | Refusal] = []
        budget = self.shared.budget(len(uploads))
        with self.shared.turns.turn(len(uploads)), self.predictor.answering() as production:
            version = classifier or production
            for some in _slices(uploads, BATCH):
                answers += self._batch(some, without, version, source, pictures, budget)
        return answers

    def _batch(
        self,
        uploads: Sequence[Sent],
        without: Collection[str],
        version: ServedClassifier,
        source: str,
        pictures: bool,
        budget: Budget,
    ) -> list[Answer | Refusal]:
        started = time.perf_counter()
        prepared: dict[int, Prepared] = {}
        least = least_side(version.image_shape, version.preparation)
        answers: dict[int, Answer | Refusal] = {}
        for i, upload in enumerate(uploads):
            if isinstance(upload, Refusal):
                self.metrics.refused(source)
                answers[i] = upload
                continue
            try:
                decoded = self.shared.decoders.decode(upload.content, budget, least)
                prepared[i] = prepare(
                    decoded, version.image_shape, version.preparation, without, pictures
                )
            except UserError as error:
                if isinstance(error, DecodersBusy) and not budget.patient:
                    raise
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
