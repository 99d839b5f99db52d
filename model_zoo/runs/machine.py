"""What this machine can compute with, asked without loading a framework."""

from __future__ import annotations


def gpus() -> list[str]:
    """The GPUs that a run here may use, as CUDA names them."""
    from model_zoo.tuning.devices import visible_gpus

    return visible_gpus()
