"""Two classifiers on the same images, by the figure that the project is judged by.

Accuracy has Tango's score interval (``judging.paired``). Balanced accuracy and macro F1 are means
over classes, so that an image of a rare class weighs more. Either is the mean over all images of
what each adds to it: for balanced accuracy its weight N / (classes * images of its class) where it
is right; for macro F1, which is no such mean, its influence (Hampel 1974, JASA 69, 383-393). The
difference of two classifiers is then the mean of N differences, most of them nothing, and its
interval the normal one of a mean, to whose sum of squares z^2 images of usual weight are added:
what the score interval does by itself. With no disagreement at all it would be empty otherwise.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from model_zoo.class_figures import counts, from_counts
from model_zoo.judging import paired
from model_zoo.judging.contest import Contest, Pair, Side
from model_zoo.settings.judging import METRICS

ACCURACY, BALANCED, MACRO_F1 = METRICS


@dataclass(frozen=True)
class Comparison:
    """Candidate and another by one figure.

    Attributes:
        metric: its name.
        ours, theirs: what each image adds to the figure of candidate and other, float (n,): the
            means are the figures.
        won, lost: images on which only the candidate, and only the other, is right.
        weights: of the images, float (n,), 1 in the mean.
    """

    metric: str
    ours: np.ndarray
    theirs: np.ndarray
    won: int
    lost: int
    weights: np.ndarray = field(repr=False)

    @property
    def images(self) -> int:
        return len(self.weights)

    @property
    def difference(self) -> float:
        """By how much the candidate is better."""
        if self.metric == ACCURACY:
            return (self.won - self.lost) / self.images
        return float(np.mean(self.ours) - np.mean(self.theirs))

    def interval(self, confidence: float = paired.CONFIDENCE) -> tuple[float, float]:
        """Two-sided interval of the difference."""
        if self.metric == ACCURACY:
            return paired.interval(self.won, self.lost, self.images, confidence)
        from scipy.stats import norm

        z = float(norm.ppf((1 + confidence) / 2))
        squares = float(((self.ours - self.theirs - self.difference) ** 2).sum())
        half = z * math.sqrt(squares + z**2 * self._usual) / self.images
        return max(self.difference - half, -1.0), min(self.difference + half, 1.0)

    def lower_bound(self, confidence: float) -> float:
        """The difference is at least this, with one-sided ``confidence`` above one half."""
        return self.interval(2 * confidence - 1)[0]

    def usual_margin(self, confidence: float) -> float:
        """The margin with which an equal candidate passes 70 % of tries."""
        if self.metric == ACCURACY:
            return paired.usual_margin(self.won, self.lost, self.images, confidence)
        from scipy.stats import norm

        squares = max(float(((self.ours - self.theirs) ** 2).sum()), self._usual)
        return float((norm.ppf(confidence) + norm.ppf(0.7)) * math.sqrt(squares) / self.images)

    @property
    def _usual(self) -> float:
        """The square of one image's usual weight."""
        return float((self.weights**2).mean())

    def figures(self) -> dict[str, Any]:
        """JSON-able."""
        low, high = self.interval()
        return {
            "metric": self.metric,
            "candidate": float(np.mean(self.ours)),
            "production": float(np.mean(self.theirs)),
            "difference": self.difference,
            "difference_low": low,
            "difference_high": high,
            "only_candidate_right": self.won,
            "only_production_right": self.lost,
            "images": self.images,
        }


def compared(contest: Contest, other: Side) -> Comparison:
    """The contest's candidate and another on the classes that both have."""
    return compare_by(contest.settings.metric, contest.pair(other))


def compare_by(metric: str, pair: Pair) -> Comparison:
    """Candidate and other by a metric of :data:`model_zoo.settings.judging.METRICS`."""
    classes = len(pair.classes)
    won, lost = paired.disagreements(pair.candidate, pair.other)
    return Comparison(
        metric,
        added_by_each(metric, pair.truth, pair.candidate_said, classes),
        added_by_each(metric, pair.truth, pair.other_said, classes),
        won,
        lost,
        np.ones(len(pair.truth)) if metric == ACCURACY else weights_of(pair.truth, classes),
    )


def figure(metric: str, truth: np.ndarray, predicted: np.ndarray, classes: int) -> float:
    """One classifier's figure.

    Args:
        truth, predicted: integers (N,).
    """
    if metric == ACCURACY:
        return float((predicted == truth).mean())
    return float(from_counts(*counts(truth, predicted, classes))[metric])


def weights_of(truth: np.ndarray, classes: int) -> np.ndarray:
    """Weights (n,), 1 in the mean, with which all classes that have images weigh the same."""
    of_class = np.bincount(truth, minlength=classes)
    return np.asarray(len(truth) / ((of_class > 0).sum() * of_class[truth]))


def added_by_each(
    metric: str, truth: np.ndarray, predicted: np.ndarray, classes: int
) -> np.ndarray:
    """What each image adds to the figure, float (n,); the mean is the figure.

    Args:
        truth: integers (n,).
        predicted: integers (n,); below 0: none of these classes.
    """
    right = (truth == predicted).astype(float)
    if metric == ACCURACY:
        return right
    if metric == BALANCED:
        return right * weights_of(truth, classes)
    hit, of_class, said = counts(truth, predicted, classes)
    there, whole = of_class > 0, np.maximum(of_class + said, 1)
    f1 = np.where(there, 2 * hit / whole, 0.0)
    # F1 of a class is 2 hit / (of class + said): how it moves with each of the three.
    lost = np.where(there, f1 / whole, 0.0)
    moved = right * 2 / whole[truth] - lost[truth] - np.where(predicted >= 0, lost[predicted], 0.0)
    return np.asarray(f1[there].mean() + len(truth) * moved / there.sum())
