"""How each framework says that the device's memory is full."""

from __future__ import annotations


def is_out_of_memory(error: BaseException) -> bool:
    """Whether ``error`` means that a smaller batch may help.

    TensorFlow raises ``ResourceExhaustedError``, XLA (JAX) an error that begins with
    ``RESOURCE_EXHAUSTED``, NumPy a ``MemoryError``.
    """
    if isinstance(error, MemoryError) or type(error).__name__ == "ResourceExhaustedError":
        return True
    return "RESOURCE_EXHAUSTED" in str(error)[:200]
