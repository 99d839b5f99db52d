"""What every tab works with."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from dash_app.ages import Ages
from dash_app.answers import Answers
from dash_app.security import required_token
from dash_app.settings import PageSettings
from model_zoo.comparison import Comparison, compare_versions
from model_zoo.data.corrections import Corrections, corrections_of
from model_zoo.errors import UserError
from model_zoo.predictor import (
    ModelMemory,
    ProductionPredictor,
    ServedClassifier,
    load_classifier,
)
from model_zoo.predictor.neighbours import Neighbours, neighbours_of
from model_zoo.predictor.versions import is_of
from model_zoo.registry.client import RegistryUnavailable
from model_zoo.registry.store import Store
from model_zoo.registry.version_report import VersionReports
from model_zoo.registry.versions import get_version
from model_zoo.settings import JudgingSettings, Places, Project, Serving

LOADED_AT_ONCE = 2


@dataclass(frozen=True)
class Context:
    """The settings that a tab reads and the readers that it asks; made once a project."""

    project: Project
    places: Places
    serving: Serving
    page: PageSettings
    store: Store
    predictor: ProductionPredictor
    answers: Answers

    @cached_property
    def ages(self) -> Ages:
        """When production moved, and when the newest version came."""
        return Ages(self.store)

    @cached_property
    def reports(self) -> VersionReports:
        """What is recorded about each version."""
        return VersionReports(self.store, self.places.cache_dir)

    @cached_property
    def others(self) -> OtherVersions:
        """Versions to compare production with."""
        memory = self.predictor.memory
        return OtherVersions(self.store, self.serving, self.places.cache_dir, memory)

    @cached_property
    def comparisons(self) -> Comparisons:
        """Two versions side by side."""
        return Comparisons(self.reports, self.project.judging)

    @cached_property
    def corrections(self) -> Corrections:
        """What people said of answers, and what was decided of it."""
        return corrections_of(self.project.name, self.places)

    @cached_property
    def token(self) -> str | None:
        """What those show who may decide for others; None: only this machine can ask."""
        return required_token(self.places, self.page)

    @cached_property
    def likeness(self) -> Likeness:
        """What pictures are like among the training images."""
        return Likeness(self.store, self.places.cache_dir)


class Likeness:
    """The sample of training images of the version that was asked for last."""

    def __init__(self, store: Store, cache_dir: Path) -> None:
        self.store = store
        self.cache_dir = cache_dir
        self._found: tuple[str, Neighbours | None] = ("", None)

    def of(self, version: str) -> Neighbours | None:
        """None: the version has none, or nobody can tell just now."""
        if self._found[0] != version:
            try:
                known = get_version(self.store, version)
                self._found = (version, neighbours_of(self.store, known, self.cache_dir))
            except UserError:
                return None
        return self._found[1]


class Comparisons:
    """The last comparisons: a tab asks for the same one several times."""

    def __init__(self, reports: VersionReports, judging: JudgingSettings) -> None:
        self.reports = reports
        self.judging = judging
        self._found: OrderedDict[tuple[str, str], Comparison] = OrderedDict()
        self._lock = threading.Lock()

    def between(self, production: str, other: str) -> Comparison:
        """The other version against production.

        Raises:
            UserError: a version is unknown, its answers are not recorded, or MLflow is away.
        """
        pair = (production, other)
        with self._lock:
            if pair not in self._found:
                found = compare_versions(self.reports, production, other, self.judging)
                if not (found.first.report.finished and found.second.report.finished):
                    return found  # more will be known of it
                self._found[pair] = found
            self._found.move_to_end(pair)
            while len(self._found) > LOADED_AT_ONCE:
                self._found.popitem(last=False)
            return self._found[pair]


class OtherVersions:
    """Versions to compare with: files from the disk cache, the last two kept in memory.

    They go first when memory is short: see :class:`model_zoo.predictor.ModelMemory`.
    """

    is_answering = False  # whoever asks holds the version itself

    def __init__(
        self, store: Store, serving: Serving, cache_dir: Path, memory: ModelMemory | None = None
    ) -> None:
        self.store = store
        self.serving = serving
        self.cache_dir = cache_dir
        self.memory = memory
        self.held_bytes = 0
        self._loaded: OrderedDict[str, ServedClassifier] = OrderedDict()
        self._lock = threading.Lock()

    def classifier(self, version: str) -> ServedClassifier:
        """Load a version.

        Raises:
            UserError: there is none of that number, or MLflow is away and it was not fetched yet.
        """
        with self._lock:
            if not version.isdigit():
                raise UserError(f"no version {version!r}: choose one from the list")
            if not self._is_current(version):
                found = load_classifier(self.store, self.serving, self.cache_dir, version)
                self._loaded[version] = found
            self._loaded.move_to_end(version)
            while len(self._loaded) > LOADED_AT_ONCE:
                self._loaded.popitem(last=False)
            found = self._loaded[version]
            self.held_bytes = sum(one.bytes for one in self._loaded.values())
        if self.memory is not None:
            self.memory.loaded(self)
        return found

    def _is_current(self, version: str) -> bool:
        """Whether it is loaded, and what the registry has under this number; or nobody can ask."""
        if version not in self._loaded:
            return False
        try:
            return is_of(self._loaded[version], get_version(self.store, version))
        except RegistryUnavailable:
            return True

    def let_go(self) -> None:
        """Drop what is loaded, unless something is being loaded just now."""
        if self._lock.acquire(blocking=False):
            self._loaded.clear()
            self.held_bytes = 0
            self._lock.release()
