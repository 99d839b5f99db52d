"""Weights that no initialiser gives, and files of them as Keras 2 wrote them."""

from __future__ import annotations

from pathlib import Path

import h5py
import keras
import numpy as np


def differing(trunk: keras.Model, seed: int = 0) -> keras.Model:
    """The same trunk with other weights."""
    random = np.random.default_rng(seed)
    for weight in trunk.weights:
        weight.assign(random.uniform(0.5, 1.5, weight.shape))
    return trunk


def same(one: keras.Model, other: keras.Model) -> bool:
    pairs = zip(one.weights, other.weights, strict=True)
    return all(np.array_equal(np.array(a), np.array(b)) for a, b in pairs)


def write_older(model: keras.Model, path: Path) -> Path:
    """A file such as Keras Applications publishes."""
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [layer.name.encode() for layer in model.layers]
        for layer in model.layers:
            group = file.create_group(layer.name)
            names = [f"{layer.name}/{weight.name}:0".encode() for weight in layer.weights]
            group.attrs["weight_names"] = names
            for name, weight in zip(names, layer.weights, strict=True):
                group.create_dataset(name.decode(), data=np.array(weight))
    return path
