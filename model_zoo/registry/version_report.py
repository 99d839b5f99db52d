"""Everything that is recorded about a registered version, as a page or a person wants to read it.

Read from MLflow once and kept on disk, so that it can be read while MLflow is away. What a version
does not carry is absent here, never made up.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from model_zoo.errors import UserError
from model_zoo.files import complete_or_absent, read_json, write_json
from model_zoo.registry.client import RegistryUnavailable, answered_by, is_absent
from model_zoo.registry.judged_answers import FILE as ANSWERS_FILE
from model_zoo.registry.judged_answers import Answers, load_answers
from model_zoo.registry.run_files import fetch_run_file, find_runs
from model_zoo.registry.run_log import metric_name, params_of
from model_zoo.registry.served_files import list_served_files
from model_zoo.registry.store import Store
from model_zoo.registry.test_set_record import IMAGES_FILE, IMAGES_TAG, PREDICTIONS_FILE
from model_zoo.registry.versions import CONTENT_TAG, Version, get_version

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

PAUSE_SECONDS = 15.0
CURVES = (
    *("loss", "val_loss", "accuracy", "val_accuracy"),
    *("val_balanced_accuracy", "val_macro_f1"),
)
DOCUMENTS = {  # text on the run, by the name under which the report has it
    "verdict": "gate/verdict.md",
    "card": "export/model_card.md",
}
HEALTH_FILE = "health/health.json"
TABLES = {  # JSON on the run
    "evaluation": "evaluation/test.json",
    "exports": "export/formats.json",
    "verdict": "gate/verdict.json",
}


@dataclass(frozen=True)
class VersionReport:
    """What is known of one version.

    ``history`` has an entry an epoch; ``files`` are (path, bytes); ``documents`` and ``tables``
    hold what of :data:`DOCUMENTS` and :data:`TABLES` the run has.
    """

    version: str
    run_id: str
    experiment_id: str
    created: str
    finished: bool
    tags: dict[str, str]
    run_tags: dict[str, str]
    params: dict[str, str]
    metrics: dict[str, float]
    history: list[dict[str, float]]
    files: list[tuple[str, int]]
    documents: dict[str, str] = field(default_factory=dict)
    tables: dict[str, Any] = field(default_factory=dict)

    @property
    def dataset_digest(self) -> str:
        return self.tags.get("dataset_digest", "")


@dataclass(frozen=True)
class TestPredictions:
    """Of one version on the test set: ``predicted``, ``labels`` int32 (N,), ``probabilities``
    float16 (N, classes), calibrated, ``digests`` of the images, uint8 (N, 16)."""

    __test__ = False  # for pytest: not a test

    predicted: np.ndarray
    labels: np.ndarray
    probabilities: np.ndarray
    digests: np.ndarray


class VersionReports:
    """Reads reports, and what belongs to them, through a cache on disk."""

    def __init__(self, store: Store, cache_dir: Path) -> None:
        self.store = store
        self.folder = cache_dir / "reports" / store.model
        self.images_folder = cache_dir / "test-images"
        self._away_until = 0.0

    def report(self, version: str) -> VersionReport:
        """The report of a version.

        Raises:
            UserError: no such version, or MLflow is away and the report has not been read before.
        """
        kept = self.folder / version / "report.json"
        last = _kept(kept)
        try:
            with self._patience():
                known = get_version(self.store, version)
                if last is not None and last.finished and _is_of(last, known):
                    return last
                found = _ask(self.store, known)
        except RegistryUnavailable:
            if last is not None:
                return last
            raise
        write_json(kept, asdict(found))
        return found

    @contextmanager
    def _patience(self) -> Iterator[None]:
        """Not to ask again at once what has just not answered: each try takes seconds."""
        if time.monotonic() < self._away_until:
            raise RegistryUnavailable("MLflow did not answer a moment ago: try again soon")
        try:
            yield
        except RegistryUnavailable:
            self._away_until = time.monotonic() + PAUSE_SECONDS
            raise

    def predictions(self, report: VersionReport) -> TestPredictions | None:
        """What the version predicted for the test images; None where its run does not have it."""
        path = self.folder / report.version / f"{report.run_id}.npz"
        if not path.exists() and not self._fetch(report.run_id, PREDICTIONS_FILE, path):
            return None
        with np.load(path) as stored:
            return TestPredictions(*(stored[one.name] for one in fields(TestPredictions)))

    def answers(self, report: VersionReport) -> Answers | None:
        """What its served file answered at the gate; None where it was not judged, or not yet."""
        path = self.folder / report.version / "answers.npz"
        if not path.exists() and not self._fetch(report.run_id, ANSWERS_FILE, path):
            return None
        return load_answers(path)

    def health(self, report: VersionReport) -> dict[str, Any] | None:
        """What was found wrong with the images before training; None where nobody looked."""
        path = self.folder / report.version / f"{report.run_id}-health.json"
        if not path.exists() and not self._fetch(report.run_id, HEALTH_FILE, path):
            return None
        return dict(read_json(path))

    def test_images(self, report: VersionReport) -> np.ndarray | None:
        """The test images uint8 (n, h, w[, 3]) of the version's dataset, where a run has them.

        The first n of those that were predicted: of many images not all are kept.
        """
        digest = report.dataset_digest
        if not digest.isalnum():
            return None
        path = self.images_folder / f"{digest}.npz"
        if not path.exists():
            with self._patience():
                runs = find_runs(self.store, IMAGES_TAG, digest)
            for run_id in runs:
                if self._fetch(run_id, IMAGES_FILE, path):
                    break
            else:
                return None
        with np.load(path) as stored:
            return np.asarray(stored["images"])

    def _fetch(self, run_id: str, artifact: str, path: Path) -> bool:
        with tempfile.TemporaryDirectory(prefix="catwalk-") as folder, self._patience():
            found = fetch_run_file(self.store, run_id, artifact, Path(folder))
            if found is None:
                return False
            with complete_or_absent(path) as partial:
                shutil.copyfile(found, partial)
        return True


def _kept(path: Path) -> VersionReport | None:
    try:
        return VersionReport(**read_json(path)) if path.exists() else None
    except (TypeError, ValueError):  # a cache of other fields: read it anew
        return None


def _is_of(report: VersionReport, version: Version) -> bool:
    """Not of a version that had the same number in another MLflow, or before it was made again."""
    was = report.run_id, report.tags.get(CONTENT_TAG)
    return was == (version.run_id, version.tags.get(CONTENT_TAG))


def _ask(store: Store, version: Version) -> VersionReport:
    if not version.run_id:
        raise UserError(
            f"version {version.version} was registered without a run: nothing is known of it"
        )
    with answered_by(store) as client:
        run = _run_of(client, version)
        history = _history(
            client, version, [name for name in CURVES if metric_name(name) in run.data.metrics]
        )
    with tempfile.TemporaryDirectory(prefix="catwalk-") as folder:
        texts = _fetched(store, version.run_id, DOCUMENTS, Path(folder))
        tables = _fetched(store, version.run_id, TABLES, Path(folder))
        return VersionReport(
            version=version.version,
            run_id=version.run_id,
            experiment_id=str(run.info.experiment_id),
            created=version.created.isoformat(timespec="seconds"),
            finished=run.info.status == "FINISHED" and "gate" in version.tags,
            tags=version.tags,
            run_tags={k: v for k, v in run.data.tags.items() if k != "mlflow.log-model.history"},
            params=params_of(run.data.params, run.data.tags),
            metrics={name: float(value) for name, value in run.data.metrics.items()},
            history=history,
            files=list_served_files(store, version.version),
            documents={name: path.read_text() for name, path in texts.items()},
            tables={name: read_json(path) for name, path in tables.items()},
        )


def _run_of(client: MlflowClient, version: Version) -> Run:
    from mlflow.exceptions import MlflowException

    try:
        return client.get_run(version.run_id)
    except MlflowException as error:
        if not is_absent(error):
            raise
        raise UserError(
            f"the run {version.run_id} of version {version.version} was deleted in MLflow for "
            "good, and with it what is known of how the version was made and measured"
        ) from None


def _history(client: MlflowClient, version: Version, curves: list[str]) -> list[dict[str, float]]:
    """An entry an epoch, in their order."""
    history: dict[int, dict[str, float]] = {}
    for name in curves:
        for point in client.get_metric_history(version.run_id, metric_name(name)):
            history.setdefault(int(point.step), {})[name] = float(point.value)
    return [history[step] for step in sorted(history)]


def _fetched(store: Store, run_id: str, wanted: dict[str, str], folder: Path) -> dict[str, Path]:
    """Those of the run's files that it has."""
    found = {name: fetch_run_file(store, run_id, path, folder) for name, path in wanted.items()}
    return {name: path for name, path in found.items() if path is not None}
