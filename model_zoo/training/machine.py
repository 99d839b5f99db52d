"""What the training ran on, in words, for whoever compares times."""

from __future__ import annotations

import os
import platform
from pathlib import Path


def machine() -> str:
    """Processor and cores; the accelerators, if there are any; the framework."""
    import keras

    cpus = Path("/proc/cpuinfo")
    names = [
        line.partition(":")[2].strip()
        for line in (cpus.read_text().splitlines() if cpus.exists() else [])
        if line.startswith("model name")
    ]
    processor = names[0] if names else platform.processor() or platform.machine()
    found = [f"{processor}, {os.cpu_count()} cores", *_accelerators()]
    return "; ".join([*found, f"Keras {keras.__version__} on {_framework()}"])


def _framework() -> str:
    """Keras' backend; for TensorFlow, whether it computes with oneDNN, which it is asked."""
    import keras

    if keras.backend.backend() != "tensorflow":
        return str(keras.backend.backend())
    from tensorflow.python.util._pywrap_util_port import IsMklEnabled

    return f"tensorflow, oneDNN {'on' if IsMklEnabled() else 'off'}"


def _accelerators() -> list[str]:
    import keras

    if keras.backend.backend() == "jax":
        import jax

        return [one.device_kind for one in jax.devices() if one.platform != "cpu"]
    import tensorflow as tf

    devices = tf.config.list_physical_devices("GPU")
    details = [tf.config.experimental.get_device_details(one) for one in devices]
    return [str(one.get("device_name", "GPU")) for one in details]
