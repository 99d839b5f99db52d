"""What to label next: uncertain and diverse beats chance at equal labels."""

from __future__ import annotations

import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

from model_zoo.predictor.ranking import order, uncertainty

ROUNDS, EACH, FIRST = 4, 15, 20


def test_the_margin_is_between_the_two_likeliest() -> None:
    found = uncertainty(np.array([[0.5, 0.3, 0.2], [1.0, 0.0, 0.0], [0.4, 0.2, 0.4]]))
    np.testing.assert_allclose(found, [0.8, 0.0, 1.0])


def test_copies_of_one_hard_image_are_asked_for_once() -> None:
    probabilities = np.array([[0.5, 0.5]] * 4 + [[0.7, 0.3]])
    embeddings = np.array([[1, 0, 0], [1, 0.01, 0], [1, 0, 0.01], [0, 1, 0], [0, 0, 1]], float)
    learned = np.array([[0.0, 1.0, 0.0]])
    rows, scores = order(probabilities, embeddings, learned, count=5)
    assert rows[0] in (0, 1, 2) and rows[1] == 4, "the next is another kind of image"
    assert scores[0] > scores[1] > scores[2] and sorted(rows.tolist()) == [0, 1, 2, 3, 4]


def test_digits_labelled_in_this_order_teach_more_than_any_eighty() -> None:
    """1,797 handwritten digits (Alpaydin and Kaynak, 1998), a linear head, 80 labels."""
    pixels, labels = load_digits(return_X_y=True)
    wins, gained = 0, []
    for seed in range(3):
        random = np.random.default_rng(seed)
        shuffled = random.permutation(len(pixels))
        pool, test = shuffled[:1000], shuffled[1000:]
        accuracy = {}
        for chosen_by in ("order", "chance"):
            have = pool[:FIRST].tolist()
            for _ in range(ROUNDS):
                head = LogisticRegression(max_iter=200).fit(pixels[have], labels[have])
                left = np.setdiff1d(pool, have)
                if chosen_by == "order":
                    rows, _ = order(
                        head.predict_proba(pixels[left]), pixels[left], pixels[have], EACH
                    )
                else:
                    rows = random.permutation(len(left))[:EACH]
                have += left[rows].tolist()
            head = LogisticRegression(max_iter=200).fit(pixels[have], labels[have])
            accuracy[chosen_by] = head.score(pixels[test], labels[test])
        gained.append(accuracy["order"] - accuracy["chance"])
        wins += gained[-1] > 0
    assert wins == 3 and np.mean(gained) > 0.02, gained
