"""Read weights files of four kinds by layer name, and put them into a trunk.

``.weights.h5`` and ``.keras`` as Keras 3 writes them, the older ``.h5`` of Keras Applications
(``..._notop.h5``), and PyTorch's state dicts. Keras' own loaders go by the order and class of
layers: they cannot say which layer of a file does not fit, nor take the trunk out of a whole
classifier.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from model_zoo.backbones.torch_files import read_state_dict
from model_zoo.backbones.torch_layers import as_layers
from model_zoo.errors import UserError

if TYPE_CHECKING:
    import h5py
    import keras

#: Arrays of each layer by its name; of a layer inside a layer by "outer/inner".
Layers = dict[str, list[np.ndarray]]
KINDS = (".weights.h5", ".keras", ".h5")
TORCH_KINDS = (".pth", ".pt")


def load_into(
    trunk: keras.Model, path: Path, torch_names: Mapping[str, str | None] | None = None
) -> None:
    """Put the weights of ``path`` into ``trunk``; of a classifier's file, those of its trunk.

    Args:
        torch_names: layers by the names of PyTorch's modules, if the backbone says them.

    Raises:
        UserError: not a weights file, or one that does not fit: says which layer, which shapes.
    """
    if path.suffix in TORCH_KINDS:
        if torch_names is None:
            raise UserError(
                f"{path} is PyTorch's, and {trunk.name} does not say which layers its names "
                "stand for: give a file of Keras, or add torch_names to the backbone"
            )
        found = as_layers(read_state_dict(path), torch_names, trunk, path)
    else:
        found = _of_trunk(read_layers(path), trunk.name)
    expected = _layers_of(trunk)
    problems = list(_misfits(expected, found))
    if problems:
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        raise UserError(f"{path} does not fit {trunk.name}: {problems[0]}{more}")
    for name, variables in expected.items():
        for variable, value in zip(variables, found[name], strict=True):
            variable.assign(value)


def read_layers(path: Path) -> Layers:
    """Arrays of every layer that has any.

    Raises:
        UserError: not a weights file of a known kind.
    """
    import h5py

    if not path.name.endswith(KINDS):
        kinds = ", ".join(KINDS + TORCH_KINDS)
        raise UserError(f"{path} is no weights file: expected one that ends in {kinds}")
    try:
        content: Any = path
        if path.suffix == ".keras":
            with zipfile.ZipFile(path) as archive:
                content = io.BytesIO(archive.read("model.weights.h5"))
        with h5py.File(content, "r") as file:
            older = file.get("model_weights", file)
            if "layer_names" in older.attrs:
                return _read_older(older)
            return _read_current(file["layers"])  # beside them: the optimiser
    except (OSError, zipfile.BadZipFile, KeyError) as error:
        raise UserError(f"{path} cannot be read as a weights file ({error})") from error


def _read_current(group: h5py.Group, outer: tuple[str, ...] = ()) -> Layers:
    """Keras 3: groups nested as the layers are, each with ``vars`` that carry the layer's name."""
    import h5py

    found: Layers = {}
    for key, inner in group.items():
        if not isinstance(inner, h5py.Group):
            continue
        if key == "vars":
            if outer and len(inner):
                found["/".join(outer)] = [np.asarray(inner[str(i)]) for i in range(len(inner))]
        else:
            name = inner["vars"].attrs.get("name") if "vars" in inner else None
            found |= _read_current(inner, (*outer, str(name)) if name else outer)
    return found


def _read_older(group: h5py.Group) -> Layers:
    """Keras 2: one group a layer, with the order of its arrays in an attribute."""

    def text(value: Any) -> str:
        return value.decode() if isinstance(value, bytes) else str(value)

    found: Layers = {}
    for name in map(text, group.attrs["layer_names"]):
        arrays = [np.asarray(group[name][text(key)]) for key in group[name].attrs["weight_names"]]
        if arrays:
            found[name] = arrays
    return found


def _of_trunk(found: Layers, trunk: str) -> Layers:
    inside = {
        name.removeprefix(f"{trunk}/"): arrays
        for name, arrays in found.items()
        if name.startswith(f"{trunk}/")
    }
    # Statistics of the input are not weights: a backbone holds them as constants. Random layers
    # keep a seed.
    return {
        name: arrays
        for name, arrays in (inside or found).items()
        if not name.startswith("normalization") and "seed_generator" not in name
    }


def _layers_of(trunk: keras.Model) -> dict[str, list[Any]]:
    """Variables of every layer, named as in a file."""
    found: dict[str, list[Any]] = {}
    for layer in trunk.layers:
        for weight in layer.weights:
            *outer_to_inner, _ = weight.path.split("/")
            name = "/".join(outer_to_inner[outer_to_inner.index(layer.name) :])
            found.setdefault(name, []).append(weight)
    return found


def _misfits(expected: dict[str, list[Any]], found: Layers) -> list[str]:
    """What is wrong, in words, in the order of the network."""
    problems = []
    for name, variables in expected.items():
        wanted = [tuple(variable.shape) for variable in variables]
        if name not in found:
            problems.append(f"it has no layer {name}, which expects {_shapes(wanted)}")
        elif (received := [array.shape for array in found[name]]) != wanted:
            problems.append(
                f"layer {name} expects {_shapes(wanted)}. Received: {_shapes(received)}"
            )
    problems += [
        f"its layer {name} of {_shapes([array.shape for array in arrays])} is unknown there"
        for name, arrays in found.items()
        if name not in expected
    ]
    return problems


def _shapes(shapes: list[tuple[int, ...]]) -> str:
    return " and ".join("x".join(map(str, shape)) or "a number" for shape in shapes)
