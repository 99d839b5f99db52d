"""Arrays in batches: every row, in the order asked for, by a pipeline that tunes nothing."""

import numpy as np

from model_zoo.training.batches import in_batches

INPUTS = np.arange(10, dtype="float32")[:, None]
LABELS = np.arange(10, dtype="int32")


def rows(batches) -> list[int]:
    found = []
    for inputs, labels in batches:
        np.testing.assert_array_equal(inputs[:, 0], labels)
        found += [int(label) for label in labels]
    return found


def test_rows_stay_in_their_order() -> None:
    batches = in_batches(INPUTS, LABELS, 4)["x"]
    assert [len(labels) for _, labels in batches] == [4, 4, 2]
    assert rows(batches) == rows(batches) == list(range(10))


def test_shuffled_rows_have_a_new_order_in_every_epoch() -> None:
    batches = in_batches(INPUTS, LABELS, 4, shuffled=True)["x"]
    first, second = rows(batches), rows(batches)
    assert first != second and sorted(first) == sorted(second) == list(range(10))


def test_to_predict_there_are_no_labels() -> None:
    batches = list(in_batches(INPUTS, None, 10)["x"])
    assert len(batches) == 1 and len(batches[0]) == 1


def test_no_thread_tunes_the_pipeline() -> None:
    """Ending such a thread took up to 17 of a call's 41 seconds (`benchmarks/pipeline.py`)."""
    assert in_batches(INPUTS, LABELS, 4)["x"].options().autotune.enabled is False
