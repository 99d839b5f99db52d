"""What a version makes of a picture, with all that speaks against trusting it.

The page, the API and the command line tell the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from model_zoo.images import Prepared
from model_zoo.images.statistics import unlike
from model_zoo.predictor.served_classifier import Prediction, ServedClassifier


@dataclass(frozen=True)
class Doubts:
    """Why not to trust an answer: ``unsure`` in a sentence or empty, ``unlike`` in words."""

    unsure: str = ""
    unlike: tuple[str, ...] = ()

    def as_list(self) -> list[str]:
        return [*([self.unsure] if self.unsure else []), *self.unlike]


@dataclass(frozen=True)
class Answer:
    """What one version makes of one file."""

    name: str
    version: str
    prediction: Prediction
    prepared: Prepared
    doubts: Doubts

    def as_dict(self) -> dict[str, Any]:
        """As the API and ``catwalk predict --json`` give it."""
        steps = [
            {"step": one.name, "changed": one.changed, "note": one.note}
            for one in self.prepared.steps
        ]
        return {
            "name": self.name,
            **self.prediction.as_dict(),
            "doubts": self.doubts.as_list(),
            "notes": list(self.prepared.notes),
            "preparation": steps,
        }


def doubts(
    prediction: Prediction, prepared: Prepared, version: ServedClassifier, unsure_below: float
) -> Doubts:
    """What speaks against trusting this prediction.

    Args:
        unsure_below: the calibrated confidence under which an answer is called unsure.
    """
    unsure = ""
    if prediction.confidence < unsure_below:
        first, second = prediction.probabilities.argsort()[::-1][:2]
        unsure = (
            f"unsure: {prediction.labels[first]} {prediction.probabilities[first]:.0%}, "
            f"{prediction.labels[second]} {prediction.probabilities[second]:.0%}"
        )
    strange = unlike(prepared.image, version.facts["statistics"])
    return Doubts(unsure, (*prepared.doubts, *strange))
