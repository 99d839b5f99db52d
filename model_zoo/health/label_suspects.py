"""Labels that are likely wrong, by confident learning on out-of-fold probabilities.

Northcutt, Jiang, Chuang, "Confident Learning: Estimating Uncertainty in Dataset Labels", 2021; the
library is cleanlab, which estimates how many labels are wrong and which are the least likely. Of
those it names, only the ones whose label is all but excluded are shown to people: where classes
look alike (a shirt, a coat), many right labels are merely doubtful.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Suspects:
    """``rows``: integers (n,), the least likely label first; ``suggested``: the class that the
    features say, integers (n,); ``given``, ``chance``: float (n,), how likely they say the label
    and that class are."""

    rows: np.ndarray
    suggested: np.ndarray
    given: np.ndarray
    chance: np.ndarray


def label_suspects(probabilities: np.ndarray, labels: np.ndarray, most: float) -> Suspects:
    """The labels that are likely wrong.

    Args:
        probabilities: float (N, classes), of a classifier that has not seen the image.
        labels: integers (N,), of every class some.
        most: how likely a label may be at the most to be suspect, as part of 1 / classes. Where a
            share of all labels was swapped at random that is what wrong ones have, times the share.
    """
    from cleanlab.filter import find_label_issues  # 2 s: it brings scikit-learn and pandas

    ranked = find_label_issues(
        labels,
        probabilities,
        filter_by="low_self_confidence",
        return_indices_ranked_by="self_confidence",
        n_jobs=1,
    )
    rows = np.asarray(ranked, np.int64)
    rows = rows[probabilities[rows, labels[rows]] < most / probabilities.shape[1]]
    suggested = probabilities[rows].argmax(axis=1)
    return Suspects(
        rows, suggested, probabilities[rows, labels[rows]], probabilities[rows, suggested]
    )
