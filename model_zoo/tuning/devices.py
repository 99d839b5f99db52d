"""On which devices the trials of a search run side by side; asked without loading a framework."""

from __future__ import annotations

import os
import subprocess

VISIBLE = "CUDA_VISIBLE_DEVICES"
ANSWER_SECONDS = 60.0  # a driver that sleeps takes seconds to wake up


def trial_devices(processes: int, without_gpus: int = 1) -> list[str | None]:
    """The GPU of each trial process, as CUDA names it; None: whatever the framework finds.

    Args:
        processes: how many trials side by side; 0: one a GPU of this machine, else
            ``without_gpus``.
    """
    gpus = visible_gpus()
    if len(gpus) < 2:  # several processes share the one that there is, or the CPU
        return [None] * (processes or (1 if gpus else without_gpus))
    return [gpus[number % len(gpus)] for number in range(processes or len(gpus))]


def visible_gpus() -> list[str]:
    """The GPUs that this process may use, as ``CUDA_VISIBLE_DEVICES`` names them."""
    if VISIBLE in os.environ:
        return [name.strip() for name in os.environ[VISIBLE].split(",") if name.strip()]
    try:
        listed = subprocess.run(
            ["nvidia-smi", "-L"], capture_output=True, text=True, timeout=ANSWER_SECONDS
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return []
    count = sum(line.startswith("GPU ") for line in listed.splitlines())
    return [str(number) for number in range(count)]
