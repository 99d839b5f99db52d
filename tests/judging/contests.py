"""Contests with as many right answers as a test wants."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from model_zoo.judging.contest import Contest, ServedFile, Side
from model_zoo.judging.looks import Look
from model_zoo.settings import JudgingSettings

LABELS = ("cat", "dog")


def right(count: int, of: int = 1000) -> np.ndarray:
    """The first ``count`` of so many are right."""
    return np.arange(of) < count


def table(both: int, only_candidate: int, only_production: int, neither: int):
    """Who is right, candidate and production, with these counts."""
    counts = (both, only_candidate, only_production, neither)
    candidate = np.repeat([True, True, False, False], counts)
    production = np.repeat([True, False, True, False], counts)
    return candidate, production


def side(version: str, correct: np.ndarray, truth: np.ndarray | None = None, **more: Any) -> Side:
    """A side that is right where it should be, of two classes, and sure of it."""
    truth = np.zeros(len(correct), int) if truth is None else truth
    labels = more.pop("labels", LABELS)
    predicted = np.where(correct, truth, (truth + 1) % len(labels))
    confidence = more.pop("confidence", 0.9)
    probabilities = np.full((len(correct), len(labels)), (1 - confidence) / (len(labels) - 1))
    probabilities[np.arange(len(correct)), predicted] = confidence
    more = {"snapshot": "same", "file": ServedFile("model.onnx", 1_000_000, 1.0)} | more
    return Side(version, labels, predicted, probabilities, **more)


def contest(
    candidate: np.ndarray | Side,
    production: np.ndarray | Side | None = None,
    *,
    truth: np.ndarray | None = None,
    columns: dict[str, np.ndarray] | None = None,
    anchor: Side | None = None,
    look: Look | None = None,
    unanswered: str = "",
    new: np.ndarray | None = None,
    **settings: Any,
) -> Contest:
    """A contest of version 2 against version 1."""
    if isinstance(candidate, np.ndarray):
        candidate = side("2", candidate, truth)
    if isinstance(production, np.ndarray):
        production = side("1", production, truth)
    count = len(candidate.predicted)
    return Contest(
        settings=JudgingSettings(**settings),
        new=new,
        truth=np.zeros(count, int) if truth is None else truth,
        images=np.zeros((count, 8, 8), np.uint8),
        candidate=candidate,
        production=production,
        anchor=anchor or production,
        unanswered=unanswered,
        columns=columns or {},
        look=look or Look(),
    )


def outcomes(found: Sequence[Any]) -> dict[str, str]:
    """By rule."""
    return {one.rule: one.outcome for one in found}
