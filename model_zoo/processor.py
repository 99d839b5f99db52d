"""What a process may use of its processor, and what its libraries must be told of it.

They look when they are imported, so the package does this before anything else.
"""

from __future__ import annotations

import os
import platform

#: TensorFlow's switch for oneDNN, the convolutions and matrix products written for this processor.
ONEDNN = "TF_ENABLE_ONEDNN_OPTS"
X86 = ("x86_64", "amd64")


def turn_on_onednn() -> None:
    """Have TensorFlow compute with oneDNN on every x86 processor.

    By itself it does so only where there are instructions made for neural networks (AVX512-VNNI,
    AMX): elsewhere training a convolutional network takes several times as long. What a person has
    set stands, "0" too.
    """
    if platform.machine().lower() in X86:
        os.environ.setdefault(ONEDNN, "1")
