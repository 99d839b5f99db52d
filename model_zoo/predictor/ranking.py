"""Which of many images to label next: uncertain, and unlike what was chosen or learned already.

Greedy: each time the image with the largest ``uncertainty x distance``, where uncertainty is one
minus the margin between the two likeliest classes (Scheffer, Decomain and Wrobel, "Active Hidden
Markov Models for Information Extraction", 2001) and distance that of its embedding to the nearest
one that is learned or chosen (k-centre greedy: Sener and Savarese, "Active Learning for
Convolutional Neural Networks: A Core-Set Approach", 2018, arXiv:1708.00489). Uncertainty alone asks
for twenty near copies of one hard picture; distance alone for whatever is odd. A product needs no
weight between the two. These lines instead of a library's: they need the embeddings and
probabilities that a version gives anyway, and no estimator of their own.
"""

from __future__ import annotations

import numpy as np

from model_zoo.predictor.neighbours import unit


def uncertainty(probabilities: np.ndarray) -> np.ndarray:
    """One minus the margin between the two likeliest classes, 0..1, float (N,).

    Args:
        probabilities: float (N, classes).
    """
    two = np.partition(probabilities, -2, axis=1)[:, -2:]
    return np.asarray(1 - (two[:, 1] - two[:, 0]))


def order(
    probabilities: np.ndarray, embeddings: np.ndarray, learned: np.ndarray, count: int
) -> tuple[np.ndarray, np.ndarray]:
    """Rows of the images to label first, at most ``count``, and the score of each, 0..1.

    Args:
        probabilities: float (N, classes); ``embeddings`` float (N, c).
        learned: float (M, c), embeddings of training images, or of a sample of them.
    """
    ours, unsure = unit(embeddings), uncertainty(probabilities)
    distance = np.ones(len(ours), np.float32)
    if len(learned):
        distance = 1 - (ours @ unit(learned).T).max(axis=1)
    distance = np.clip(distance, 0, 1)
    left = np.ones(len(ours), bool)
    rows, scores = [], []
    for _ in range(min(count, len(ours))):
        score = np.where(left, unsure * distance, -1.0)
        row = int(score.argmax())
        rows.append(row)
        scores.append(float(score[row]))
        left[row] = False
        distance = np.minimum(distance, np.clip(1 - ours @ ours[row], 0, 1))
    return np.array(rows, np.int64), np.array(scores)
