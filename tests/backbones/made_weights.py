"""Weights that no initialiser gives, files of them as Keras 2 wrote them, and a classifier."""

from __future__ import annotations

from pathlib import Path

import h5py
import keras
import numpy as np

from model_zoo.classifier import build_classifier, head_from
from model_zoo.data.dataset import Dataset
from model_zoo.settings import ModelSettings, TrainingSettings

DATASET = Dataset("digits", tuple("0123456789"), (28, 28, 1), ())
TRAINING = TrainingSettings()


def tiny_classifier(**chosen: object) -> keras.Model:
    """A classifier of grey images on the tests' backbone, with some settings of the model's own."""
    values = {"backbone": "tiny", "image_size": 28, "weights": "none"} | chosen
    model = ModelSettings.model_validate(values)
    head = head_from(model, TRAINING)
    return build_classifier(DATASET, model, TRAINING.augmentation, head, seed=1)


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
