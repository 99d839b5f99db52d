"""Training and validation indices: stratified, seeded, disjoint, every class in both."""

import numpy as np
import pytest

from model_zoo.data.split import stratified_split
from model_zoo.errors import UserError


def test_the_split_is_stratified_seeded_and_disjoint() -> None:
    labels = np.repeat(np.arange(10, dtype=np.int32), 100)
    training, validation = stratified_split(labels, 0.1, seed=1, limit=500)
    assert np.bincount(labels[validation]).tolist() == [10] * 10
    assert np.bincount(labels[training]).tolist() == [50] * 10
    assert not set(training) & set(validation)
    again, _ = stratified_split(labels, 0.1, seed=1, limit=500)
    np.testing.assert_array_equal(training, again)
    other, _ = stratified_split(labels, 0.1, seed=2, limit=500)
    assert set(other) != set(training)


def test_without_a_limit_every_image_is_used_once() -> None:
    labels = np.random.default_rng(0).integers(0, 4, 333).astype(np.int32)
    training, validation = stratified_split(labels, 0.2, seed=1)
    assert sorted([*training, *validation]) == list(range(333))


def test_it_is_shuffled() -> None:
    labels = np.repeat(np.arange(3, dtype=np.int32), 50)
    for part in stratified_split(labels, 0.3, seed=1):
        assert np.diff(labels[part]).min() < 0


def test_a_rare_class_is_in_both_parts_whatever_share_and_limit() -> None:
    labels = np.array([0] * 500 + [7] * 2 + [9] * 3, np.int32)
    for share, limit in ((0.01, 0), (0.45, 20)):
        for part in stratified_split(labels, share, seed=1, limit=limit):
            assert set(labels[part]) == {0, 7, 9}


def test_a_class_of_one_image_is_refused() -> None:
    with pytest.raises(UserError, match="class 3: expected at least two training images"):
        stratified_split(np.array([0, 0, 0, 3], np.int32), 0.1, seed=1)
