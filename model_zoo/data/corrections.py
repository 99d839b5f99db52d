"""Corrections that people send: kept in a folder, bounded, ready to be trained on.

One small JSON file a picture, named by the picture's digest: a second correction of the same
picture replaces the first. Kept is the image as the model saw it, not what was uploaded.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from PIL import Image

from model_zoo.errors import UserError
from model_zoo.files import write_json
from model_zoo.images import png
from model_zoo.locks import locked

FILES = "[0-9a-f]*.json"


class CorrectionRefused(UserError):
    """Full, or not one of the model's classes."""


@dataclass(frozen=True)
class Correction:
    """What ``version`` said of an image with which confidence, and what is right.

    ``image`` is uint8 (h, w) or (h, w, 3).
    """

    image: np.ndarray
    predicted: str
    confidence: float
    version: str
    corrected: str
    received: str


class CorrectionStore:
    """Safe for several processes; nothing touches the disk before the first correction."""

    def __init__(self, folder: Path, limit: int) -> None:
        """
        Args:
            folder: one project's.
            limit: corrections that are kept at most; then none is taken.
        """
        self.folder = folder
        self.limit = limit

    def store(
        self,
        image: np.ndarray,
        predicted: str,
        confidence: float,
        version: str,
        corrected: str,
        labels: tuple[str, ...],
    ) -> Path:
        """Keep one correction; returns its file.

        Raises:
            CorrectionRefused: ``corrected`` is none of ``labels``, or ``limit`` are kept already.
        """
        if corrected not in labels:
            raise CorrectionRefused(f"{corrected!r} is none of {', '.join(labels)}")
        path = self.folder / f"{hashlib.sha256(image.tobytes()).hexdigest()[:24]}.json"
        with locked(self.folder / ".lock"):
            if not path.exists() and self.count() >= self.limit:
                raise CorrectionRefused(
                    f"{self.limit:,} corrections are kept already, and no more are taken"
                )
            write_json(
                path,
                {
                    "image": base64.b64encode(png(image)).decode(),
                    "predicted": predicted,
                    "confidence": round(confidence, 6),
                    "version": version,
                    "corrected": corrected,
                    "received": datetime.now(UTC).isoformat(timespec="seconds"),
                },
            )
        return path

    def count(self) -> int:
        return sum(1 for _ in self.folder.glob(FILES))

    def read(self) -> list[Correction]:
        """Every correction that is kept, the oldest first."""
        found = []
        for path in self.folder.glob(FILES):
            entry = json.loads(path.read_text())
            with Image.open(io.BytesIO(base64.b64decode(entry.pop("image")))) as image:
                found.append(Correction(image=np.asarray(image), **entry))
        return sorted(found, key=lambda one: one.received)
