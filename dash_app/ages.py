"""How old things are, for the monitoring: asked of the registry now and then, by no request."""

from __future__ import annotations

import logging
import time
from datetime import UTC, datetime

from model_zoo.registry.moves import MOMENT
from model_zoo.registry.promotion import history
from model_zoo.registry.store import Store
from model_zoo.registry.versions import list_versions

REFRESH_SECONDS = 60.0
log = logging.getLogger(__name__)


class Ages:
    """Of one project; seconds since 1970, None where there is no such moment.

    Attributes:
        promoted: when production moved last.
        newest: when the newest version was registered, which is the last good run.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self.promoted: float | None = None
        self.newest: float | None = None
        self._asked = float("-inf")

    def refresh(self) -> None:
        """Ask the registry, unless somebody did so within a minute; what is known stays if it is
        away."""
        if time.monotonic() - self._asked < REFRESH_SECONDS:
            return
        self._asked = time.monotonic()
        try:
            moves = history(self.store)
            versions = list_versions(self.store)
            self.promoted = _seconds(moves[-1][0]) if moves else None
            self.newest = max((one.created.timestamp() for one in versions), default=None)
        except Exception as error:  # of any kind: these are figures for people
            log.warning("ages of %s not known: %s", self.store.model, error)


def _seconds(moment: str) -> float | None:
    try:
        return datetime.strptime(moment, MOMENT).replace(tzinfo=UTC).timestamp()
    except ValueError:  # a tag that somebody set by hand
        return None
