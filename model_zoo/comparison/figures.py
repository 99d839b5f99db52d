"""Figures of merit of two versions on the same images, and the interval of their difference.

That of accuracy is Tango's (`judging/paired.py`). The others are bootstrap percentiles (Efron 1979)
over the images, which are drawn once for both: what makes an image hard is hard for both, and
cancels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from model_zoo.class_figures import from_counts
from model_zoo.comparison.common_images import CommonImages
from model_zoo.comparison.recorded import Recorded
from model_zoo.evaluation.bootstrap import of_each_image
from model_zoo.judging.paired import CONFIDENCE, disagreements, interval

RESAMPLED = 500
SEED = 18
ROWS = 4096  # probabilities are looked at so many images at a time
BINS = 15  # of the calibration error
#: By the name in the evaluation: what it is called, and whether less of it is better.
FIGURES = {
    "accuracy": ("accuracy", False),
    "balanced_accuracy": ("balanced accuracy", False),
    "macro_f1": ("macro F1", False),
    "top2_accuracy": ("right among the top 2", False),
    "brier": ("Brier score", True),
    "log_loss": ("log loss", True),
    "calibration_error": ("calibration error", True),
}


@dataclass(frozen=True)
class Figure:
    """One figure of both versions.

    Attributes:
        difference, low, high: second minus first and its 95 % interval; None: not on the same
            images.
    """

    name: str
    title: str
    first: float
    second: float
    less_is_better: bool
    difference: float | None = None
    low: float | None = None
    high: float | None = None

    @property
    def second_is(self) -> str:
        """``better`` or ``worse`` where the interval is on one side of zero, else empty."""
        if self.low is None or self.high is None or self.low <= 0 <= self.high:
            return ""
        return "better" if (self.low > 0) != self.less_is_better else "worse"


def paired_figures(a: Recorded, b: Recorded, common: CommonImages) -> list[Figure]:
    """On the images that both were judged on; the same at every call."""
    random, count = np.random.default_rng(SEED), len(common)
    means = _Means(a, common.first, common.truth), _Means(b, common.second, _numbers(b, common))
    drawn = np.array(
        [
            [one.of(rows) for one in means]
            for rows in (random.integers(0, count, count) for _ in range(RESAMPLED))
        ]
    )  # (resampled, 2, figures)
    first, second = (one.of(slice(None)) for one in means)
    found = {
        name: (first[place], second[place], drawn[:, 1, place] - drawn[:, 0, place])
        for place, name in enumerate(_Means.NAMES)
    } | _of_counts(common, random)
    rows = [_figure(name, *found[name]) for name in FIGURES if name in found]
    return [_accuracy(common), *rows]


def own_figures(a: Recorded, b: Recorded) -> list[Figure]:
    """Of each one on its own test images: nothing can be said of their difference."""
    tables = [one.report.tables["evaluation"] for one in (a, b)]
    return [
        Figure(name, title, float(tables[0][name]), float(tables[1][name]), less)
        for name, (title, less) in FIGURES.items()
        if all(name in one for one in tables)
    ]


class _Means:
    """What is taken of each image, so that a figure of resampled ones is a mean over them."""

    NAMES = ("top2_accuracy", "brier", "log_loss", "calibration_error")

    def __init__(self, side: Recorded, members: np.ndarray, truth: np.ndarray) -> None:
        parts, confidence = [], []
        for start in range(0, len(members), ROWS):
            some = side.probabilities[members[start : start + ROWS]].astype(np.float64)
            values = of_each_image(some, truth[start : start + ROWS])
            parts.append(np.stack([values[name] for name in self.NAMES[:-1]], axis=1))
            confidence.append(some.max(axis=1))
        self.values, sure = np.concatenate(parts), np.concatenate(confidence)
        self.gaps = (side.predicted[members] == truth) - sure
        self.bins = np.minimum((sure * BINS).astype(int), BINS - 1)

    def of(self, rows: np.ndarray | slice) -> np.ndarray:
        """The figures of :attr:`NAMES` over some of the images."""
        gaps = np.bincount(self.bins[rows], weights=self.gaps[rows], minlength=BINS)
        error = np.abs(gaps).sum() / len(self.gaps)
        return np.append(self.values[rows].mean(axis=0), error)


def _numbers(b: Recorded, common: CommonImages) -> np.ndarray:
    """True classes by the second version's own numbers."""
    return b.truth[common.second]


def _of_counts(
    common: CommonImages, random: np.random.Generator
) -> dict[str, tuple[float, float, np.ndarray]]:
    """Balanced accuracy and macro F1: resampling images is drawing cells of a joint table."""
    answers = np.stack([common.truth, common.of_first, common.of_second])
    (true, first, second), counts = np.unique(answers, axis=1, return_counts=True)
    count = len(common)
    cells = np.vstack([counts, random.multinomial(count, counts / count, RESAMPLED)])
    a, b = _of_cells(true, first, cells), _of_cells(true, second, cells)
    return {name: (float(a[name][0]), float(b[name][0]), b[name][1:] - a[name][1:]) for name in a}


def _of_cells(true: np.ndarray, said: np.ndarray, cells: np.ndarray) -> dict[str, np.ndarray]:
    """Figures of several tables, each (tables,), from integers (tables, cells)."""
    classes = int(max(true.max(), said.max())) + 1

    def by_class(counts: np.ndarray, classes_of: np.ndarray) -> np.ndarray:
        summed = np.zeros((classes, len(counts)))
        np.add.at(summed, classes_of, counts.T)
        return summed.T

    hit = np.where(true == said, cells, 0)
    return from_counts(by_class(hit, true), by_class(cells, true), by_class(cells, said))


def _accuracy(common: CommonImages) -> Figure:
    right, wrong = common.second_right, common.first_right
    won, lost = disagreements(right, wrong)
    low, high = interval(won, lost, len(common))
    title, less = FIGURES["accuracy"]
    both = float(wrong.mean()), float(right.mean())
    return Figure("accuracy", title, *both, less, (won - lost) / len(common), low, high)


def _figure(name: str, first: float, second: float, drawn: np.ndarray) -> Figure:
    title, less = FIGURES[name]
    low, high = np.quantile(drawn, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    difference = float(second) - float(first)
    return Figure(
        name, title, float(first), float(second), less, difference, float(low), float(high)
    )
