"""What a frozen part is, so that features of another one are never taken for its own.

Features on disk are named by a digest of the frozen layers: their configuration, their weights, the
libraries that compute them. A layer of a plugin may change in its code alone, which no digest sees:
beside each file of features lie a few of the inputs that it was made from, and whoever opens it
computes those again.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from model_zoo.files import complete_or_absent

if TYPE_CHECKING:
    import keras

CHECK_SUFFIX = ".check.npz"
IMAGES = 4  # that are computed again
#: Mean absolute difference, of the mean absolute feature: bfloat16, whose operations each round to
#: 1 in 256, stays below; a rescaling that was corrected does not.
TOLERANCE = 0.05


def digest_of(frozen: keras.Model) -> str:
    """SHA-256 of configuration, weights and libraries; the same in every process.

    Names that Keras numbers as layers are made (``rescaling_3``) are replaced by their order.
    """
    import keras

    names: dict[str, str] = {}
    _collect_names(frozen, names)
    config = _renamed(json.loads(frozen.to_json()), names)
    value = hashlib.sha256(json.dumps(config, sort_keys=True).encode())
    value.update(f"{keras.__version__} {_backend()}".encode())
    for weight in frozen.weights:
        array = np.ascontiguousarray(keras.ops.convert_to_numpy(weight))
        value.update(f"{array.dtype} {array.shape}".encode())
        value.update(array.view(np.uint8).data)
    return value.hexdigest()


def _backend() -> str:
    from importlib.metadata import PackageNotFoundError, version

    import keras

    name = keras.backend.backend()
    for package in (name, f"{name}-cpu"):
        try:
            return f"{name} {version(package)}"
        except PackageNotFoundError:
            continue
    return name


def _collect_names(model: keras.Model, names: dict[str, str]) -> None:
    import keras

    names.setdefault(model.name, f"#{len(names)}")
    for one in model.operations:
        names.setdefault(one.name, f"#{len(names)}")
        if isinstance(one, keras.Model):
            _collect_names(one, names)


def _renamed(config: Any, names: dict[str, str]) -> Any:
    if isinstance(config, dict):
        return {key: _renamed(value, names) for key, value in config.items()}
    if isinstance(config, list):
        return [_renamed(value, names) for value in config]
    return names.get(config, config) if isinstance(config, str) else config


def note_inputs(path: Path, pixels: np.ndarray, found: np.ndarray) -> None:
    """Keep, beside a file of features, the first inputs of a batch and what was made of them."""
    with complete_or_absent(path.with_suffix(CHECK_SUFFIX)) as partial, partial.open("wb") as file:
        np.savez(file, pixels=pixels[:IMAGES], features=found[:IMAGES])


def difference(frozen: keras.Model, path: Path) -> float | None:
    """How far the features in a file are from what ``frozen`` makes of the same inputs now.

    Returns:
        The mean absolute difference, as a share of the mean absolute feature; None where nobody
        noted what to compare.
    """
    try:
        with np.load(path.with_suffix(CHECK_SUFFIX), allow_pickle=False) as kept:
            pixels, before = kept["pixels"], kept["features"].astype(np.float32)
        now = np.asarray(frozen(pixels, training=False), np.float32)
    except (OSError, ValueError, KeyError, EOFError):
        return None
    if now.shape != before.shape:
        return None
    return float(np.abs(now - before).mean() / max(np.abs(before).mean(), 1e-6))
