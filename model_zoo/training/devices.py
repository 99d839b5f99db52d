"""Train on all accelerators of this machine: each takes its share of every batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def on_all_accelerators(say: Callable[[str], None] = print) -> Iterator[int]:
    """Models that are built and trained inside the block use every accelerator there is.

    Data parallel by the framework's own means: ``keras.distribution`` on JAX
    (https://keras.io/guides/distribution/), ``tf.distribute.MirroredStrategy`` on TensorFlow. With
    one accelerator, or none, nothing changes.

    Yields:
        How many devices share a batch.
    """
    import keras

    yield from (_jax(say) if keras.backend.backend() == "jax" else _tensorflow(say))


def _jax(say: Callable[[str], None]) -> Iterator[int]:
    import jax
    import keras

    devices = jax.devices()
    if len(devices) < 2:
        yield 1
        return
    say(f"each batch is shared by {len(devices)} devices ({devices[0].device_kind})")
    names = [f"{one.platform}:{one.id}" for one in devices]
    before = keras.distribution.distribution()
    keras.distribution.set_distribution(keras.distribution.DataParallel(devices=names))
    try:
        yield len(devices)
    finally:
        keras.distribution.set_distribution(before)


def _tensorflow(say: Callable[[str], None]) -> Iterator[int]:
    import tensorflow as tf

    devices = tf.config.list_logical_devices("GPU")
    if len(devices) < 2:
        yield 1
        return
    say(f"each batch is shared by {len(devices)} GPUs")
    with tf.distribute.MirroredStrategy([one.name for one in devices]).scope():
        yield len(devices)
