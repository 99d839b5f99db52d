"""What the network computes in. Weights, softmax and loss are float32 in every policy."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import keras

FLOAT32 = "float32"
BFLOAT16 = "mixed_bfloat16"
# Another precision has to be worth its rounding.
LEAST_GAIN = 1.1
TRIAL_IMAGES = 32
TRIAL_ROUNDS = 5


@contextmanager
def computing_in(policy: str) -> Iterator[None]:
    """Layers that are made inside the block compute by this Keras dtype policy."""
    import keras

    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def choose_precision(
    wanted: str, build: Callable[[], keras.Model], say: Callable[[str], None] = print
) -> str:
    """The Keras dtype policy to train in: the setting's, or for ``auto`` the faster one.

    An accelerator with bfloat16 always gains by it. On a CPU a step of training is tried, as of two
    networks on one processor one gains and the other loses; and one that gains forwards may lose
    more backwards, as EfficientNet-Lite0 does by its depthwise convolutions.

    Args:
        wanted: a policy, or ``auto``.
        build: makes the classifier under the policy of the moment.
    """
    if wanted != "auto":
        return wanted
    if not _has_bfloat16():
        return FLOAT32
    if has_accelerator():
        return BFLOAT16
    models = {}
    for policy in (FLOAT32, BFLOAT16):
        with computing_in(policy):
            models[policy] = build()
    seconds = _processor_seconds(models)
    gain = seconds[FLOAT32] / seconds[BFLOAT16]
    chosen = BFLOAT16 if gain >= LEAST_GAIN else FLOAT32
    say(f"bfloat16 is {gain:.2f} times as fast as float32 here: computing in {chosen}")
    return chosen


def _processor_seconds(models: dict[str, keras.Model]) -> dict[str, float]:
    """Processor time that each model needs to learn from a small batch: the least of a few rounds.

    Over all threads, and in turn: what else the machine does falls on none of them.
    """
    times: dict[str, list[float]] = {name: [] for name in models}
    for model in models.values():
        model.compile("sgd", "sparse_categorical_crossentropy")
    labels = np.zeros(TRIAL_IMAGES, np.int32)
    for turn in range(TRIAL_ROUNDS + 1):
        for name, model in models.items():
            images = np.zeros((TRIAL_IMAGES, *model.input_shape[1:]), model.inputs[0].dtype)
            started = time.process_time()
            model.train_on_batch(images, labels)
            if turn:  # the first traces
                times[name].append(time.process_time() - started)
    return {name: min(found) for name, found in times.items()}


def has_accelerator() -> bool:
    """Whether the framework computes on something other than the CPU."""
    import keras

    if keras.backend.backend() == "jax":
        import jax

        return bool(jax.default_backend() != "cpu")
    import tensorflow as tf

    return bool(tf.config.list_physical_devices("GPU"))


def _has_bfloat16() -> bool:
    """Whether the hardware multiplies bfloat16: AVX512-BF16 or AMX on x86, Ampere and later."""
    if has_accelerator():
        import keras

        if keras.backend.backend() == "jax":
            return True
        import tensorflow as tf

        device = tf.config.list_physical_devices("GPU")[0]
        capability = tf.config.experimental.get_device_details(device).get("compute_capability")
        return bool(capability and capability[0] >= 8)
    flags = Path("/proc/cpuinfo")
    return flags.exists() and any(flag in flags.read_text() for flag in ("avx512_bf16", "amx_bf16"))
