"""A correction and what a reviewer decided of it, as they are written down."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Literal

SENT, DECIDED, PICTURES, SEEN, KEYS = "sent", "decided", "pictures", "seen", "keys"
STAMP = "%Y%m%dT%H%M%S.%f"

State = Literal["waiting", "accepted", "relabelled", "rejected"]
#: What a reviewer may decide.
DECISIONS: tuple[State, ...] = ("accepted", "relabelled", "rejected")
#: ``sent``: by anybody from the page or the API. ``labelled``: by a reviewer, of the images that
#: nobody has labelled yet.
Kind = Literal["sent", "labelled"]


@dataclass(frozen=True)
class Decision:
    """What a reviewer decided: ``who`` as far as it is known, ``when`` in ISO 8601, UTC."""

    state: State
    label: str
    who: str
    when: str


@dataclass(frozen=True)
class Correction:
    """What somebody says an image is.

    Attributes:
        id: unique; starts with the time at which it came.
        label: what the sender says, a class.
        predicted, confidence, version: what was answered, by which version.
        received: ISO 8601, UTC.
        digest: SHA-256 of the picture's bytes where it was sent too, else of the pixels.
        has_picture: whether the picture lies there as it was sent.
        image_shape, preparation: of the image that the model saw.
        path: of a labelled image, in the folder of those that were not.
        decision: the last one; None: it waits.
    """

    id: str
    kind: Kind
    label: str
    predicted: str
    confidence: float
    version: str
    received: str
    digest: str
    has_picture: bool
    image_shape: tuple[int, ...]
    preparation: tuple[str, ...]
    path: str = ""
    decision: Decision | None = None

    @property
    def short(self) -> str:
        """The last part of the id, by which people name it."""
        return self.id.rpartition("-")[2]

    @property
    def state(self) -> State:
        return "waiting" if self.decision is None else self.decision.state

    @property
    def is_accepted(self) -> bool:
        """Whether its image is to be trained on."""
        return self.state in ("accepted", "relabelled")

    @property
    def agreed(self) -> str:
        """The class that a reviewer settled on; what the sender says while nobody has."""
        return self.label if self.decision is None else self.decision.label


def as_json(values: dict[str, Any]) -> bytes:
    return (json.dumps(values, indent=1) + "\n").encode()


def correction_from(id: str, content: bytes) -> Correction:
    """What lies in a file of that name."""
    values = json.loads(content)
    for name in ("image_shape", "preparation"):
        values[name] = tuple(values[name])
    return Correction(id=id, **values)


def decision_from(content: bytes) -> Decision:
    return Decision(**json.loads(content))


def decided_id(name: str) -> str:
    """``<id>.<time>.json``; both hold a dot of their own."""
    return name.rsplit(".", 3)[0]
