"""What is taken for what: the whole matrix of few classes, of many the most confused ones.

A thousand classes have a million cells, nearly all of them empty, and nobody reads them.
"""

from __future__ import annotations

from typing import Any

import numpy as np

#: Classes of a whole matrix.
MOST_CLASSES = 30
#: Classes of the matrix of more: as many as are read at a glance.
MOST_CONFUSED = 20
#: Pairs that are listed.
MOST_PAIRS = 100


def confused(labels: np.ndarray, predicted: np.ndarray, classes: int) -> dict[str, Any]:
    """JSON-able ``confused_pairs``, ``confused_classes`` and ``confusion``.

    Args:
        labels, predicted: integers (N,).

    Returns:
        ``confused_pairs``: (true, predicted, images) of the most frequent mistakes, most first;
        ``confused_classes``: the classes, by number, that the matrix is about: all, or those of the
        first pairs; ``confusion``: counts by true (rows) and predicted class (columns) among them.
    """
    pairs = pairs_of(labels, predicted)
    chosen = np.arange(classes)
    if classes > MOST_CLASSES:
        named = [one for true, said, _ in pairs for one in (true, said)]
        chosen = np.array(sorted(list(dict.fromkeys([*named, *range(classes)]))[:MOST_CONFUSED]))
    places = np.full(classes, -1)
    places[chosen] = np.arange(len(chosen))
    rows, columns = places[labels], places[predicted]
    matrix = np.zeros((len(chosen), len(chosen)), int)
    inside = (rows >= 0) & (columns >= 0)
    np.add.at(matrix, (rows[inside], columns[inside]), 1)
    return {
        "confused_pairs": pairs[:MOST_PAIRS],
        "confused_classes": chosen.tolist(),
        "confusion": matrix.tolist(),
    }


def pairs_of(labels: np.ndarray, predicted: np.ndarray) -> list[tuple[int, int, int]]:
    """(true, predicted, images) of every mistake that was made, the most frequent first."""
    wrong = labels != predicted
    if not wrong.any():
        return []
    found, counts = np.unique(
        np.stack([labels[wrong], predicted[wrong]], axis=1), axis=0, return_counts=True
    )
    order = np.argsort(-counts, kind="stable")
    return [
        (int(true), int(said), int(n))
        for (true, said), n in zip(found[order], counts[order], strict=True)
    ]
