"""What features say of each image, by a classifier that has not seen that image.

A ridge regression from features to classes, in closed form: the Gram matrix of each fold is summed
in one pass, and taking a fold's from the sum of all gives the classifier that has not seen the fold
(so k folds cost what one does). Its scores become probabilities by a logistic regression on them,
which is as matrix scaling (Guo et al., "On Calibration of Modern Neural Networks", 2017). The same
matrix gives how far an image lies from the middle of the nearest class (Mahalanobis distance with
the covariance inside classes; Lee et al., "A Simple Unified Framework for Detecting
Out-of-Distribution Samples", 2018).

Memory: the matrices, one slice of the features, and a few numbers an image.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

FOLDS = 5
#: Of a class with fewer images nothing is said: too few are left to learn it from.
LEAST_IMAGES = 2 * FOLDS
SLICE_BYTES = 32 * 2**20
#: Penalties that are tried, as parts of the number of images; the one that is right more often.
PENALTIES = (0.01, 0.3)
#: Classes up to which scores are scaled by a matrix: of more one temperature is fitted.
MOST_SCALED = 50
#: Directions in which distances are measured: those in which features vary most.
DIRECTIONS = 64
#: Images whose mean and deviation scale the features.
SCALED_BY = 4096


@dataclass(frozen=True)
class OutOfFold:
    """``probabilities``: float32 (N, classes); ``distances``: float32 (N,), from the middle of the
    nearest class."""

    probabilities: np.ndarray
    distances: np.ndarray


def out_of_fold(
    features: np.ndarray, rows: np.ndarray, labels: np.ndarray, classes: int, seed: int
) -> OutOfFold:
    """
    Args:
        features: (n, c), or (n, h, w, c), which are averaged over their places; may be mapped.
        rows: integers (N,), the features that are asked about, rising.
        labels: integers (N,) of these, each of ``classes`` at least :data:`LEAST_IMAGES` times.
    """
    folds = _folds(labels, seed)
    few = rows[np.sort(np.random.default_rng(seed).permutation(len(rows))[:SCALED_BY])]
    sample = _pooled(features[few])
    middle, width = sample.mean(axis=0), sample.std(axis=0) + 1e-3

    def slices() -> Iterator[tuple[slice, np.ndarray]]:
        values = int(np.prod(features.shape[1:]))
        step = max(64, SLICE_BYTES // (4 * values))
        for start in range(0, len(rows), step):
            here = slice(start, min(start + step, len(rows)))
            given = np.ones((here.stop - here.start, len(middle) + 1), np.float32)
            given[:, :-1] = (_pooled(features[rows[here]]) - middle) / width
            yield here, given

    size = len(middle) + 1
    gram = np.zeros((FOLDS, size, size), np.float32)
    sums = np.zeros((FOLDS, size, classes), np.float32)
    for here, given in slices():
        of_class = np.eye(classes, dtype=np.float32)[labels[here]]
        for fold in range(FOLDS):
            mine = folds[here] == fold
            gram[fold] += given[mine].T @ given[mine]
            sums[fold] += given[mine].T @ of_class[mine]
    weights = [_ridge(gram, sums, penalty * len(labels)) for penalty in PENALTIES]
    directions, middles = _directions(gram.sum(axis=0), sums.sum(axis=0), np.bincount(labels))
    scores = np.empty((len(PENALTIES), len(labels), classes), np.float32)
    distances = np.empty(len(labels), np.float32)
    for here, given in slices():
        for fold in range(FOLDS):
            mine = folds[here] == fold
            for place, solved in enumerate(weights):
                scores[place, here][mine] = given[mine] @ solved[fold]
        distances[here] = _nearest(given[:, :-1] @ directions, middles)
    right = [(one.argmax(axis=1) == labels).mean() for one in scores]
    return OutOfFold(_calibrated(scores[int(np.argmax(right))], labels), distances)


def _pooled(features: np.ndarray) -> np.ndarray:
    found = np.asarray(features, np.float32)
    return found.mean(axis=(1, 2)) if found.ndim == 4 else found


def _folds(labels: np.ndarray, seed: int) -> np.ndarray:
    """The fold of each image, int (N,): every class is spread over all of them."""
    order = np.random.default_rng(seed).permutation(len(labels))
    by_class = order[np.argsort(labels[order], kind="stable")]
    folds = np.empty(len(labels), np.int64)
    folds[by_class] = np.arange(len(labels)) % FOLDS
    return folds


def _ridge(gram: np.ndarray, sums: np.ndarray, penalty: float) -> list[np.ndarray]:
    """For each fold the weights (c + 1, classes) that were fitted without it."""
    from scipy.linalg import solve

    every, every_sum = gram.sum(axis=0), sums.sum(axis=0)
    added = penalty * np.eye(len(every), dtype=np.float32)
    return [
        solve(every - gram[fold] + added, every_sum - sums[fold], assume_a="pos")
        for fold in range(FOLDS)
    ]


def _directions(
    gram: np.ndarray, sums: np.ndarray, counts: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """A matrix (c, d) to where classes are round and of width 1, and their middles there."""
    from scipy.linalg import cholesky, eigh, solve_triangular

    images, size = int(counts.sum()), len(gram) - 1
    total = gram[:-1, :-1].astype(np.float64) / images
    middles = (sums[:-1] / counts).T.astype(np.float64)
    inside = total - (middles * (counts / images)[:, None]).T @ middles
    last = min(DIRECTIONS, size, max(1, images // 4))
    _, axes = eigh(total, subset_by_index=(size - last, size - 1))
    covariance = axes.T @ inside @ axes
    covariance += 1e-3 * np.trace(covariance) / last * np.eye(last)
    turned = solve_triangular(cholesky(covariance, lower=True), axes.T, lower=True).T
    return turned.astype(np.float32), (middles @ turned).astype(np.float32)


def _nearest(places: np.ndarray, middles: np.ndarray) -> np.ndarray:
    squares = (places**2).sum(axis=1, keepdims=True) - 2 * places @ middles.T
    squares += (middles**2).sum(axis=1)
    return np.asarray(np.sqrt(np.maximum(squares.min(axis=1), 0)))


def _calibrated(scores: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Probabilities, float32 (N, classes), as often right as they say."""
    scores = np.clip(scores, -1, 2)  # they are about 0 and 1; an outlier's must not decide the rest
    if scores.shape[1] <= MOST_SCALED:
        from sklearn.linear_model import LogisticRegression

        scaling: Any = LogisticRegression(C=100, max_iter=300, tol=1e-3)
        return np.asarray(scaling.fit(scores, labels).predict_proba(scores), np.float32)
    from scipy.optimize import minimize_scalar
    from scipy.special import log_softmax, softmax

    few = slice(None, None, max(1, len(labels) // 20_000))

    def loss(sharpness: float) -> float:
        chances = log_softmax(scores[few] * sharpness, axis=1)
        return -float(np.take_along_axis(chances, labels[few, None], axis=1).mean())

    best = minimize_scalar(loss, bounds=(0.1, 200), method="bounded").x
    return np.asarray(softmax(scores * np.float32(best), axis=1), np.float32)
