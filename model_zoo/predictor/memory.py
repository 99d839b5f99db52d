"""How much the loaded versions of several projects may take; the least recently used make room.

The same is done by KServe's ModelMesh, which also goes by the size of the files
(https://kserve.github.io/website/docs/concepts/architecture/modelmesh).
"""

from __future__ import annotations

import gc
import logging
import threading
from typing import Protocol

from model_zoo.predictor.session import give_memory_back

log = logging.getLogger(__name__)


class Holder(Protocol):
    """What may hold loaded versions, and can load them again when it is asked."""

    @property
    def held_bytes(self) -> int:
        """What its loaded versions take; 0 when it holds none."""

    @property
    def is_answering(self) -> bool:
        """Whether somebody waits for an answer: letting go would free nothing then."""

    def let_go(self) -> None:
        """Drop what is loaded; the next question loads it again."""


class ModelMemory:
    """One bound for all holders of a process; safe for several threads."""

    def __init__(self, most_bytes: int) -> None:
        self.most_bytes = most_bytes
        self._holders: list[Holder] = []  # the one used last at the end
        self._lock = threading.Lock()

    def used(self, holder: Holder) -> None:
        """Note that ``holder`` is used now."""
        with self._lock:
            if self._holders[-1:] != [holder]:
                self._holders = [one for one in self._holders if one is not holder] + [holder]

    def loaded(self, holder: Holder) -> None:
        """Note that ``holder`` has loaded something, and let go of others if that is too much.

        ``holder`` itself stays, however large it is, and so does whoever is answering.
        """
        self.used(holder)
        with self._lock:
            others = [one for one in self._holders if one is not holder and one.held_bytes]
            held = holder.held_bytes + sum(one.held_bytes for one in others)
            for one in others:
                if held <= self.most_bytes:
                    return
                if one.is_answering:
                    continue
                held -= one.held_bytes
                one.let_go()
                gc.collect()
                give_memory_back()
        if held > self.most_bytes:
            log.warning(
                "%d MB of models are loaded, more than CATWALK_MODELS_MB: %d",
                held // 10**6,
                self.most_bytes // 10**6,
            )

    def forget(self, holder: Holder) -> None:
        """``holder`` is closed."""
        with self._lock:
            self._holders = [one for one in self._holders if one is not holder]
