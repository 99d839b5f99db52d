"""Hand arrays to Keras in batches, without the pause at the end of every call."""

from __future__ import annotations

from typing import Any

import numpy as np


def in_batches(
    inputs: np.ndarray,
    labels: np.ndarray | None,
    size: int,
    shuffled: bool = False,
    weights: np.ndarray | None = None,
) -> dict[str, Any]:
    """What ``fit``, ``evaluate`` and ``predict`` take for such arrays, by the name of the argument.

    Given arrays, Keras on TensorFlow builds a ``tf.data`` pipeline that tunes itself, which makes
    many calls longer: see ``untuned``. Other backends do not go through ``tf.data``.

    Args:
        inputs: (n, ...), the model's inputs.
        labels: (n,), or None to predict.
        size: rows of a batch.
        shuffled: in a new order in every epoch. Keras shuffles arrays itself unless ``fit`` is
            told not to; it leaves a pipeline as it is.
        weights: float (classes,), how much an image of each class counts in the loss; None: all
            count the same.
    """
    import keras

    weighed = None if weights is None or labels is None else weights[labels]
    if keras.backend.backend() != "tensorflow":
        given = {"x": inputs, "y": labels, "sample_weight": weighed}
        return {"batch_size": size} | {k: v for k, v in given.items() if v is not None}
    import tensorflow as tf

    arrays = (inputs, labels, weighed)
    parts = tuple(tf.convert_to_tensor(one) for one in arrays if one is not None)
    rows = tf.data.Dataset.range(len(inputs))
    if shuffled:
        rows = rows.shuffle(len(inputs))
    batches = rows.batch(size).map(lambda chosen: tuple(tf.gather(one, chosen) for one in parts))
    return {"x": untuned(batches.prefetch(2))}


def untuned(dataset: Any) -> Any:
    """The same ``tf.data.Dataset`` without the thread that tunes it.

    That thread looks at its work after 10, 20, 40... ms, and whoever ends a pass over the data
    waits, not always but often, until it looks again: every second or third ``fit`` of half a
    minute stood still for up to 16 seconds more (TensorFlow 2.21, ``benchmarks/pipeline.py``).
    Arrays in memory have nothing to tune.
    """
    import tensorflow as tf

    options = tf.data.Options()
    options.autotune.enabled = False
    return dataset.with_options(options)
