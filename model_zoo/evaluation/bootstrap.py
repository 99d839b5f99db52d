"""Figures of merit with bootstrap intervals (Efron 1979, percentiles) over the test images.

A figure that is a mean over images is taken of resampled images. One that comes from counts needs
no images: resampling them is drawing the cells of the confusion matrix from a multinomial.
"""

from __future__ import annotations

import numpy as np

from model_zoo.class_figures import from_counts

RESAMPLED = 500
SEED = 18
CONFIDENCE = 0.95
SMALLEST = 1e-12
AT_ONCE = 50  # confusion matrices that are counted together: with many classes they are large


def with_intervals(probabilities: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """``balanced_accuracy``, ``macro_f1``, ``top2_accuracy``, ``brier`` and ``log_loss``.

    Each with ``_low`` and ``_high``, the same ones at every call. Balanced accuracy and macro F1
    are means over the classes that have images. Brier's score is that of all
    classes, 0 to 2 (Brier 1950).

    Args:
        probabilities: float (N, classes).
        labels: integers (N,).
    """
    random = np.random.default_rng(SEED)
    values = of_each_image(probabilities, labels)
    stacked = np.stack(list(values.values()), axis=1)
    count = len(labels)
    drawn = np.array(
        [stacked[random.integers(0, count, count)].mean(axis=0) for _ in range(RESAMPLED)]
    )
    found: dict[str, float] = {}
    for name, all_of, again in zip(values, stacked.mean(axis=0), drawn.T, strict=True):
        found |= _figure(name, float(all_of), again)
    pairs, counts = np.unique(
        np.stack([labels, probabilities.argmax(axis=1)]), axis=1, return_counts=True
    )
    parts = [_of_matrices(pairs[0], pairs[1], counts[None])]
    for _ in range(RESAMPLED // AT_ONCE):
        cells = random.multinomial(count, counts / count, AT_ONCE)
        parts.append(_of_matrices(pairs[0], pairs[1], cells))
    for name in parts[0]:
        figures = np.concatenate([part[name] for part in parts])
        found |= _figure(name, float(figures[0]), figures[1:])
    return found


def of_each_image(probabilities: np.ndarray, labels: np.ndarray) -> dict[str, np.ndarray]:
    """What figures that are means over images are the means of, each (N,)."""
    exact = probabilities.astype(np.float64)
    exact /= exact.sum(axis=1, keepdims=True)  # float32 rows sum to one only to seven digits
    true = exact[np.arange(len(labels)), labels]
    return {
        "top2_accuracy": ((exact > true[:, None]).sum(axis=1) < 2).astype(float),
        "brier": (exact**2).sum(axis=1) - 2 * true + 1,
        "log_loss": -np.log(np.maximum(true, SMALLEST)),
    }


def _of_matrices(
    true: np.ndarray, predicted: np.ndarray, cells: np.ndarray
) -> dict[str, np.ndarray]:
    """Figures of several confusion matrices.

    Args:
        true, predicted: integers (cells,), the classes of the cells that are not empty.
        cells: integers (matrices, cells), their counts.
    """
    classes = int(max(true.max(), predicted.max())) + 1
    hit = _by_class(np.where(true == predicted, cells, 0), true, classes)
    return from_counts(hit, _by_class(cells, true, classes), _by_class(cells, predicted, classes))


def _by_class(cells: np.ndarray, classes_of: np.ndarray, classes: int) -> np.ndarray:
    """Sums of (matrices, cells) over the cells of each class: float (matrices, classes)."""
    summed = np.zeros((classes, len(cells)))
    np.add.at(summed, classes_of, cells.T)
    return summed.T


def _figure(name: str, value: float, drawn: np.ndarray) -> dict[str, float]:
    low, high = np.quantile(drawn, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return {name: value, f"{name}_low": float(low), f"{name}_high": float(high)}
