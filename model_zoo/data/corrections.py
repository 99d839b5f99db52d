"""Corrections that people send: kept in the home, bounded, ready to be trained on.

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

from model_zoo.config import Settings
from model_zoo.errors import UserError
from model_zoo.files import write_json
from model_zoo.images import png
from model_zoo.registry.versions import locked


class FeedbackRefused(UserError):
    """Switched off, full, or not one of the model's classes."""


@dataclass(frozen=True)
class Correction:
    """``image`` uint8 (h, w); what ``version`` said with which confidence, and what is right."""

    image: np.ndarray
    predicted: str
    confidence: float
    version: str
    corrected: str
    received: str


def feedback_folder(settings: Settings) -> Path:
    return settings.home_dir / "feedback" / settings.model_name


def store_correction(
    settings: Settings,
    image: np.ndarray,
    predicted: str,
    confidence: float,
    version: str,
    corrected: str,
    labels: tuple[str, ...],
) -> Path:
    """Keep one correction.

    Raises:
        FeedbackRefused: feedback is off, ``corrected`` is none of ``labels``, or
            ``feedback_limit`` corrections are kept already.
    """
    if not settings.feedback:
        raise FeedbackRefused("feedback is switched off on this server")
    if corrected not in labels:
        raise FeedbackRefused(f"{corrected!r} is none of {', '.join(labels)}")
    folder = feedback_folder(settings)
    path = folder / f"{hashlib.sha256(image.tobytes()).hexdigest()[:24]}.json"
    with locked(settings, "feedback"):
        if not path.exists() and count_corrections(settings) >= settings.feedback_limit:
            raise FeedbackRefused(
                f"{settings.feedback_limit:,} corrections are kept already, and no more are taken"
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


def count_corrections(settings: Settings) -> int:
    folder = feedback_folder(settings)
    return sum(1 for _ in folder.glob("[0-9a-f]*.json")) if folder.is_dir() else 0


def read_corrections(settings: Settings) -> list[Correction]:
    """Every correction that is kept, the oldest first."""
    found = []
    for path in feedback_folder(settings).glob("[0-9a-f]*.json"):
        entry = json.loads(path.read_text())
        with Image.open(io.BytesIO(base64.b64decode(entry.pop("image")))) as image:
            found.append(Correction(image=np.asarray(image.convert("L")), **entry))
    return sorted(found, key=lambda one: one.received)
