"""What the training ran on, in words, for whoever compares times."""

from __future__ import annotations

from model_zoo.processor import processor_name, usable_cores


def machine() -> str:
    """Processor and cores; the accelerators, if there are any; the framework."""
    import keras

    found = [f"{processor_name()}, {usable_cores()} cores", *_accelerators()]
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
