"""How often the test part has been used to decide, and what evidence that leaves it.

Whoever asks the same images often enough is told what he wants to hear. So the error that a test
part may make in its whole life, ``error``, is divided in two ways.

**Over recipes.** Candidates that differ in their seed alone, against the same production, are one
*series*. The n-th series on a test part may err with probability ``error * 6 / (pi * n)^2``, which
sums to ``error`` over any number of series.

**Within a series**, all of its candidates are evidence about one question: is what this recipe
makes better than production? The estimate is the mean of their differences to production, image by
image; its spread over images counts the luck of production and of the images, which all share,
once. Of equal models the variance of k of them is proportional to ``1 + 1/k``: information at
most doubles however many tries there are, so the path of the statistic from the first try to the
last is a Brownian motion seen from t = 1/2 to 1, and one constant bound holds for all of them at
once. It is the root of Siegmund's approximation (Sequential Analysis, 1985, section 4.3; Miller and
Siegmund, Biometrics 38, 1982, 1011-1016),

    P(max B(t)/sqrt(t) >= c, t0 <= t <= t1) = 1/2 phi(c) (c - 1/c) log(t1/t0) + phi(c)/c.

`benchmarks/gate.py` plays years of it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import numpy as np

#: Information of very many tries over that of one.
MOST_INFORMATION = 2.0


@dataclass(frozen=True)
class Look:
    """Which use of the test part a decision is.

    Attributes:
        number: of all decisions on it, from 1.
        series: the place of this series among those on it, from 1.
        tries: candidates of the series so far, this one included.
        earlier_right: integers (N,), how many of the earlier ones were right about each image; None
            at the first try.
    """

    number: int = 1
    series: int = 1
    tries: int = 1
    earlier_right: np.ndarray | None = None


def error_of(series: int, error: float) -> float:
    """The probability with which the n-th series on a test part may err."""
    return error * 6 / (math.pi * series) ** 2


@cache
def bound(error: float) -> float:
    """What the statistic of a series must reach, once at any try; of equals it does so by chance
    with the probability ``error``."""
    from scipy.optimize import brentq
    from scipy.stats import norm

    def excess(c: float) -> float:
        path = 0.5 * (c - 1 / c) * math.log(MOST_INFORMATION) + 1 / c
        return float(norm.pdf(c)) * path - error

    return float(brentq(excess, 1.0, 10.0))


def bound_of_one(error: float) -> float:
    """What the statistic must reach where a series has one try."""
    from scipy.stats import norm

    return float(norm.isf(error))


def evidence(
    candidate: np.ndarray, production: np.ndarray, earlier: np.ndarray | None, tries: int
) -> tuple[float, float]:
    """Mean difference of a series to production, and its standard error over images.

    Args:
        candidate, production: float (n,), what each image adds to the figure: for accuracy 1 where
            it is right.
        earlier: float (n,), the sum of that over the ``tries - 1`` candidates before.
    """
    if earlier is not None:
        candidate = (candidate + earlier) / tries
    difference = candidate - production
    return float(difference.mean()), float(difference.std() / math.sqrt(len(difference)))
