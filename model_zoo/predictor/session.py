"""An ONNX Runtime session for a file, on the execution provider that was asked for."""

from __future__ import annotations

import ctypes
from contextlib import suppress
from pathlib import Path

import onnxruntime

from model_zoo.errors import UserError
from model_zoo.processor import cores_under_limit

# https://onnxruntime.ai/docs/execution-providers/
PROVIDERS = {
    "cpu": "CPUExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "tensorrt": "TensorrtExecutionProvider",
    "openvino": "OpenVINOExecutionProvider",
    "openvino-bf16": "OpenVINOExecutionProvider",
    "coreml": "CoreMLExecutionProvider",
    "directml": "DmlExecutionProvider",
}
CPU = PROVIDERS["cpu"]
OPTIONS = {
    # Nearly twice as fast where the processor has instructions for bfloat16; see docs/serving.md.
    "openvino-bf16": {
        "device_type": "CPU",
        "load_config": '{"CPU": {"INFERENCE_PRECISION_HINT": "bf16"}}',
    },
}


def open_session(
    path: Path, providers: str = "cpu", threads: int = 0
) -> tuple[onnxruntime.InferenceSession, str | None]:
    """Load an ONNX file.

    Args:
        providers: names in order of preference, separated by commas.
        threads: of one prediction; 0: one a core under a container's limit, and where there is
            none what ONNX Runtime does, one a physical core.

    Returns:
        The session, and a sentence when it does not run on the first provider asked for.

    Raises:
        UserError: an unknown provider, or a file that this ONNX Runtime does not run.
    """
    names = [name.strip().lower() for name in providers.split(",") if name.strip()] or ["cpu"]
    wanted = {_full_name(name): OPTIONS.get(name, {}) for name in names}
    there = onnxruntime.get_available_providers()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or cores_under_limit()
    # Threads that wait by spinning win little on an idle machine and take the cores from everybody
    # else on a busy one, their own fellows included.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3  # what goes wrong is raised, and told once
    usable = {name: given for name, given in wanted.items() if name in there}
    try:
        session = onnxruntime.InferenceSession(
            path, options, providers=list((usable | {CPU: {}}).items())
        )
    except Exception as error:  # ONNX Runtime's errors have no base class of their own
        reason = str(error).strip().splitlines()[0]
        raise UserError(
            f"{path} cannot be run by ONNX Runtime {onnxruntime.__version__}: {reason}. A newer "
            "ONNX Runtime may know its opset; a damaged file has to be fetched again"
        ) from None
    give_memory_back()
    used, first = session.get_providers()[0], next(iter(wanted))
    if used == first:
        return session, None
    why = "is not in this installation" if first not in there else "could not be started"
    return session, (
        f"{first} {why} of ONNX Runtime (it has {', '.join(there)}): predicting on {used}"
    )


def give_memory_back() -> None:
    """Return to the system what loading has freed: glibc keeps more than the file is large.

    A ResNet50 took 332 MiB after loading, 173 MiB after this, for the rest of the process's life.
    """
    with suppress(OSError, AttributeError):  # another C library
        ctypes.CDLL("libc.so.6").malloc_trim(0)


def _full_name(name: str) -> str:
    known = {one.lower(): one for one in onnxruntime.get_all_providers()}
    full = PROVIDERS.get(name) or known.get(name)
    if full is None:
        raise UserError(f"unknown execution provider {name!r}: choose from {', '.join(PROVIDERS)}")
    return full
