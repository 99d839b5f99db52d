"""The versions of a contest, as their served files answer the test images.

Each is tried first in a fresh process that has only what serving has. All are run by the same
session that serves them, so that no format has an advantage. What a file
answered when it was judged is kept on its run; it is taken from there when the file gives the same
answers to some of the images now.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from model_zoo.data.dataset import Images
from model_zoo.data.pixels import chunks_of
from model_zoo.errors import UserError
from model_zoo.images.pixels import fitted, with_channels
from model_zoo.judging.contest import ServedFile, Side
from model_zoo.predictor import ServedClassifier, load_classifier
from model_zoo.predictor.trial import try_version
from model_zoo.registry.client import RegistryUnavailable
from model_zoo.registry.judged_answers import Answers, read_answers
from model_zoo.registry.served_files import FORMATS
from model_zoo.registry.version_report import VersionReports
from model_zoo.registry.versions import Version
from model_zoo.runs.folder import Run

SPOT_CHECKED = 256  # images on which a file must still answer as it did
TOLERANCE = 2e-3  # probabilities are kept in float16
TIMED = 30


@dataclass(frozen=True)
class Asker:
    """Asks versions of a run's project about the run's test images.

    Attributes:
        test: all of them, as the candidate takes them.
        part: their digest.
        snapshot: digest of the dataset that they belong to.
    """

    run: Run
    test: Images
    part: str
    snapshot: str

    def side(self, version: Version) -> Side:
        """How a version answers.

        Raises:
            UserError: its file cannot be run.
            RegistryUnavailable: MLflow does not answer.
        """
        served = self._loaded(version)
        first, note = _as_taken(self.test.images[:1], served)
        predicted, probabilities = self._answers(version, served)
        return Side(
            version=version.version,
            labels=served.labels,
            predicted=predicted,
            probabilities=probabilities,
            generated=version.generated,
            snapshot=version.tags.get("dataset_digest", ""),
            file=self._file(served, first),
            answer=lambda these: served.probabilities(_as_taken(these, served)[0]).argmax(axis=1),
            note=note,
        )

    def side_or_record(self, version: Version) -> Side:
        """How a version answers, or once answered where its file cannot be run any more.

        Raises:
            UserError: what it once answered is not recorded either.
            RegistryUnavailable: MLflow does not answer.
        """
        try:
            return self.side(version)
        except RegistryUnavailable:
            raise
        except UserError as error:
            return self._recorded(version, error)

    def _loaded(self, version: Version) -> ServedClassifier:
        from mlflow.exceptions import MlflowException

        run = self.run
        try:
            try_version(run.store, run.serving, run.places, version)
            return load_classifier(run.store, run.serving, run.places.cache_dir, version.version)
        except MlflowException as error:  # what was registered is not where it was
            reason = str(error).strip().splitlines()[-1]
            raise UserError(f"version {version.version} cannot be fetched: {reason}") from None

    def _answers(self, version: Version, served: ServedClassifier) -> tuple[np.ndarray, np.ndarray]:
        """Predicted classes int32 (N,) and probabilities float16 (N, classes)."""

        def asked(images: np.ndarray) -> np.ndarray:
            return served.probabilities(_as_taken(images, served)[0])

        images = self.test.images
        kept = read_answers(self.run.store, version, self.part)
        if kept is not None and kept.served == self.run.serving.served_format:
            drawn = np.random.default_rng(0).permutation(len(images))[:SPOT_CHECKED]
            now = asked(images[drawn])
            if np.abs(now - kept.probabilities[drawn]).max() <= TOLERANCE:
                return kept.predicted, kept.probabilities
        found = np.concatenate([asked(part) for part in chunks_of(images)])
        return found.argmax(axis=1).astype(np.int32), found.astype(np.float16)

    def _file(self, served: ServedClassifier, image: np.ndarray) -> ServedFile:
        file = FORMATS[self.run.serving.served_format]
        rows = {row["format"]: row for row in served.facts["formats"]}
        return ServedFile(
            name=file,
            bytes=int(rows[self.run.serving.served_format]["bytes"]),
            latency_ms=shortest_ms(served, image),
        )

    def _recorded(self, version: Version, error: UserError) -> Side:
        """From what its run has, where its file cannot be run any more."""
        reports = VersionReports(self.run.store, self.run.places.cache_dir)
        report = reports.report(version.version)
        kept: Answers | None = read_answers(self.run.store, version, self.part)
        evaluated = None
        if kept is None and version.tags.get("dataset_digest") == self.snapshot:
            evaluated = reports.predictions(report)
        answers = kept or evaluated
        if answers is None or "evaluation" not in report.tables:
            raise error
        return Side(
            version=version.version,
            labels=tuple(str(one["label"]) for one in report.tables["evaluation"]["per_class"]),
            predicted=answers.predicted,
            probabilities=answers.probabilities,
            generated=version.generated,
            snapshot=version.tags.get("dataset_digest", ""),
            note=f"version {version.version} is judged by its recorded predictions, as its file "
            f"cannot be run: {error}",
        )


def shortest_ms(served: ServedClassifier, image: np.ndarray) -> float:
    """The shortest of some times for one image, in milliseconds."""
    times = []
    for _ in range(TIMED):
        started = time.perf_counter()
        served.probabilities(image)
        times.append(time.perf_counter() - started)
    return round(1000 * min(times), 3)


def _as_taken(images: np.ndarray, served: ServedClassifier) -> tuple[np.ndarray, str]:
    """The images in the shape that a version takes, and a note where that is another one."""
    if images.shape[1:] == served.array_shape:
        return images, ""
    height, width, channels = served.image_shape
    resized = [fitted(with_channels(np.asarray(one), channels), height, width) for one in images]
    return np.stack(resized), (
        f"version {served.version} takes images of {height} x {width} pixels and {channels} "
        "channels: the test images were brought to that for it"
    )
