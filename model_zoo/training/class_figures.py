"""Balanced accuracy and macro F1: means over the classes, whatever the number of their images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import keras

#: Those that are no mean over images; ``accuracy`` is.
OF_CLASSES = ("balanced_accuracy", "macro_f1")


def from_counts(hit: np.ndarray, of_class: np.ndarray, said: np.ndarray) -> dict[str, np.ndarray]:
    """Both figures (...) over the classes that have images.

    An answer that names a class without images costs the class that it should have named.

    Args:
        hit, of_class, said: (..., classes), by class: images that were recognised, images that are
            of it, images that were taken for it.
    """
    of_class = np.asarray(of_class, float)
    there = of_class > 0
    recall = np.divide(hit, of_class, out=np.zeros(there.shape), where=there)
    f1 = np.divide(2 * np.asarray(hit), of_class + said, out=np.zeros(there.shape), where=there)
    classes = there.sum(axis=-1)
    return {
        "balanced_accuracy": recall.sum(axis=-1) / classes,
        "macro_f1": f1.sum(axis=-1) / classes,
    }


def counts(truth: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """``hit``, ``of_class`` and ``said`` of :func:`from_counts`, integers (3, classes).

    Args:
        truth, predicted: integers (N,); a prediction below 0 is of no class.
    """
    given = [truth[truth == predicted], truth, predicted[predicted >= 0]]
    return np.stack([np.bincount(one, minlength=classes) for one in given])


def class_metric(name: str, classes: int) -> keras.metrics.Metric:
    """One of :data:`OF_CLASSES` as Keras computes it batch by batch; weights do not change it."""
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
