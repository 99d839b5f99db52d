"""How one file of a version did against the Keras model that was evaluated."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

#: Why a format that nobody asked for is missing; `catwalk export` can still make it.
LEFT_OUT = "left out by the setting export.formats"


@dataclass(frozen=True)
class FormatReport:
    """One format of a version: a row of the table on the run, on the version and in the page.

    ``latency_ms`` is the median for one image on the machine that registered the version;
    ``accuracy`` is on the whole test set, where the precision differs from Keras'.
    """

    format: str
    file: str
    attached: bool
    reason: str = ""
    bytes: int | None = None
    latency_ms: float | None = None
    largest_difference: float | None = None
    agreement: float | None = None
    accuracy: float | None = None

    @property
    def sentence(self) -> str:
        """Whether it is attached, or why not."""
        return f"{self.format}: {'attached' if self.attached else f'NOT attached: {self.reason}'}"

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)
