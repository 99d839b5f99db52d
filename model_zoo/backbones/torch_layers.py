"""Tensors of a PyTorch state dict as arrays of Keras layers: other names, order and axes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from model_zoo.errors import UserError

if TYPE_CHECKING:
    import keras

#: What a PyTorch module calls its tensors, in the order in which Keras keeps them.
ORDER = ("weight", "bias", "running_mean", "running_var")
NOT_A_WEIGHT = "num_batches_tracked"


def as_layers(
    tensors: Mapping[str, np.ndarray],
    names: Mapping[str, str | None],
    trunk: keras.Model,
    path: Path,
) -> dict[str, list[np.ndarray]]:
    """Arrays of each layer of a trunk by its name, in Keras' order and axes.

    Args:
        tensors: by "module.weight" and the like.
        names: layers by module; None for a module that is no part of the trunk, as the head. A
            module that is not among them keeps its own name.
        path: the file, for sentences.

    Raises:
        UserError: a tensor that no layer of Keras has.
    """
    modules: dict[str, dict[str, np.ndarray]] = {}
    for name, tensor in tensors.items():
        module, _, kind = name.rpartition(".")
        if kind == NOT_A_WEIGHT or names.get(module, module) is None:
            continue
        if kind not in ORDER:
            raise UserError(f"{path} has a tensor {name}: expected one of {', '.join(ORDER)}")
        modules.setdefault(module, {})[kind] = tensor
    depthwise = _depthwise(trunk)
    found = {}
    for module, parts in modules.items():
        layer = names.get(module) or module
        found[layer] = [_axes(parts[kind], layer in depthwise) for kind in ORDER if kind in parts]
    return found


def _depthwise(trunk: keras.Model) -> set[str]:
    from keras import layers

    return {one.name for one in trunk.layers if isinstance(one, layers.DepthwiseConv2D)}


def _axes(tensor: np.ndarray, depthwise: bool) -> np.ndarray:
    """(out, in) -> (in, out); (out, in, h, w) -> (h, w, in, out); depthwise, whose ``in`` is 1 and
    whose ``out`` runs over channels: (h, w, channels, 1). A channel with several filters has no
    place here: no published network has one."""
    if tensor.ndim == 2:
        return tensor.T
    if tensor.ndim == 4:
        return tensor.transpose(2, 3, 0, 1) if depthwise else tensor.transpose(2, 3, 1, 0)
    return tensor
