"""Count what Keras does batch by batch, without slowing it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from model_zoo.progress import Work

if TYPE_CHECKING:
    import keras


def counted(work: Work, batch_size: int, epochs: int = 0) -> keras.callbacks.Callback:
    """A callback for ``fit``, ``evaluate`` and ``predict`` that reports each batch to ``work``.

    Batches of validation are signs of life; those of training and prediction advance the work.

    Args:
        batch_size: images that a batch advances it by.
        epochs: name the epoch out of so many; 0: somebody else does.
    """
    from keras import callbacks

    class Counted(callbacks.Callback):  # type: ignore[misc]
        # Keras then calls it from a thread of its own and the device is not waited for.
        async_safe = True

        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            if epochs:
                work.tell(f"epoch {epoch + 1} of {epochs}")

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            work.advance(batch_size)

        def on_predict_batch_end(self, batch: int, logs: Any = None) -> None:
            work.advance(batch_size)

        def on_test_batch_end(self, batch: int, logs: Any = None) -> None:
            work.advance(0)

    return Counted()
