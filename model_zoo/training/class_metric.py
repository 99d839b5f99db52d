"""Balanced accuracy and macro F1 as Keras computes them, batch by batch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from model_zoo.class_figures import OF_CLASSES

if TYPE_CHECKING:
    import keras


def class_metric(name: str, classes: int) -> keras.metrics.Metric:
    """One of :data:`OF_CLASSES`; weights of images do not change it."""
    import keras
    from keras import ops

    class OfClasses(keras.metrics.Metric):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__(name=name)
            self.counts = self.add_variable((3, classes), "zeros", name="counts")

        def update_state(self, truth: Any, probabilities: Any, sample_weight: Any = None) -> None:
            right = ops.one_hot(ops.cast(ops.reshape(truth, (-1,)), "int32"), classes)
            said = ops.one_hot(ops.argmax(probabilities, axis=-1), classes)
            of_batch = ops.stack([ops.sum(one, axis=0) for one in (right * said, right, said)])
            self.counts.assign_add(ops.cast(of_batch, self.counts.dtype))

        def result(self) -> Any:
            hit, of_class, said = ops.unstack(ops.convert_to_tensor(self.counts), axis=0)
            whole, top = (
                (of_class, hit) if name == "balanced_accuracy" else (of_class + said, 2 * hit)
            )
            there = ops.cast(of_class > 0, self.dtype)
            return ops.sum(there * top / ops.maximum(whole, 1)) / ops.maximum(ops.sum(there), 1)

    return OfClasses()


def counted(model: keras.Model) -> np.ndarray:
    """What the class metric of a compiled model has counted since it was reset: (3, classes)."""
    # Keras keeps all metrics that were compiled in one, beside that of the loss.
    inner = [one for held in model.metrics for one in getattr(held, "metrics", [held])]
    (found,) = [one for one in inner if one.name in OF_CLASSES]
    return np.asarray(found.counts)
