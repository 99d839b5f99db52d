"""Training that goes on from the weights of a version, where that version has the same backbone.

Fine-tuning in turns, each from the weights of the one before, as Ash and Adams describe and warn of
("On Warm-Starting Neural Network Training", 2020, arXiv:1910.08475): docs/training.md has what it
came to here.
"""

from __future__ import annotations

import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from model_zoo.classifier import Head
from model_zoo.errors import UserError
from model_zoo.training.frozen_part import trunk_of

if TYPE_CHECKING:
    import keras

DENSE = ("dense_1", "dense_2")


@dataclass(frozen=True)
class Start:
    """Weights to go on from.

    Attributes:
        file: the ``.keras`` file of a version.
        labels: its classes, in the order of its outputs.
        content: what tells that version's model from others.
    """

    file: Path
    labels: tuple[str, ...]
    content: str


def go_on_from(model: keras.Model, labels: tuple[str, ...], start: Start) -> None:
    """Give a new classifier the weights of another one.

    Trunk and dense layers are taken over. Of the last layer the outputs of classes that both know
    are; those of new classes stay as they were initialised, those of removed ones are dropped.

    Args:
        model: of the same backbone, with the head of :func:`head_of`.
        labels: its classes, in the order of its outputs.

    Raises:
        UserError: the layers are not the same after all.
    """
    import keras

    old = keras.models.load_model(start.file, compile=False)
    try:
        trunk_of(model).set_weights(trunk_of(old).get_weights())
        for name in DENSE:
            model.get_layer(name).set_weights(old.get_layer(name).get_weights())
        kernel, bias = model.get_layer("logits").get_weights()
        old_kernel, old_bias = old.get_layer("logits").get_weights()
        kept = [label for label in labels if label in start.labels]
        here, there = ([of.index(label) for label in kept] for of in (labels, start.labels))
        kernel[:, here], bias[here] = old_kernel[:, there], old_bias[there]
        model.get_layer("logits").set_weights([kernel, bias])
    except ValueError as error:
        reason = " ".join(str(error).split())
        raise UserError(
            f"the network of this project has other layers than {start.file.name} of the version "
            f'in production ({reason}): set training.start = "pretrained"'
        ) from None


def head_of(file: Path, learning_rate: float) -> Head:
    """The head of a ``.keras`` file, read from its description; Keras is not needed.

    Raises:
        UserError: it is no classifier of ours.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            described = json.loads(archive.read("config.json"))["config"]["layers"]
        layers = {one["config"]["name"]: one["config"] for one in described}
        first, second = (int(layers[name]["units"]) for name in DENSE)
        dropout = float(layers.get("dropout", {}).get("rate", 0.0))
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile):
        raise UserError(f"{file.name} is no classifier that training could go on from") from None
    return Head(first, second, dropout, learning_rate)
