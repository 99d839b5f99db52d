"""What every tab works with."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, field

from dash_app.answers import Answers
from model_zoo.config import Settings
from model_zoo.errors import UserError
from model_zoo.predictor import Classifier, ProductionPredictor, load_classifier
from model_zoo.registry.version_report import Reports

LOADED_AT_ONCE = 2


@dataclass
class Context:
    """The settings and the readers that a tab asks; made once a server."""

    settings: Settings
    predictor: ProductionPredictor
    answers: Answers
    reports: Reports
    others: OtherVersions = field(init=False)

    def __post_init__(self) -> None:
        self.others = OtherVersions(self.settings)


class OtherVersions:
    """Versions to compare with: files from the disk cache, the last two kept in memory."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._loaded: OrderedDict[str, Classifier] = OrderedDict()
        self._lock = threading.Lock()

    def classifier(self, version: str) -> Classifier:
        """Load a version.

        Raises:
            UserError: there is none of that number, or MLflow is away and it was not fetched yet.
        """
        with self._lock:
            if version not in self._loaded:
                if not version.isdigit():
                    raise UserError(f"no version {version!r}: choose one from the list")
                self._loaded[version] = load_classifier(self.settings, version)
            self._loaded.move_to_end(version)
            while len(self._loaded) > LOADED_AT_ONCE:
                self._loaded.popitem(last=False)
            return self._loaded[version]
