"""What a backbone is, and how its layers are frozen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class Backbone:
    """A named recipe for a feature extractor.

    Attributes:
        build: ``(input_shape, weights)`` -> model from float32 RGB (N, H, W, 3), 0..255, to a
            feature map (N, h, w, c), the backbone's own normalisation inside. ``weights`` is
            "imagenet" or None.
        native_size: side in pixels on which the published weights were trained.
        smallest_size: least side in pixels that gives a feature map.
        blocks: prefixes of layer names, in the order of the network; "the last n blocks" are
            the layers that start with the last n of them.
        weights_source: where the published weights come from, and their licence.
        defined_in: module that registered it.
    """

    name: str
    build: Callable[[tuple[int, int, int], str | None], keras.Model]
    native_size: int
    smallest_size: int
    blocks: tuple[str, ...]
    weights_source: str
    summary: str
    defined_in: str


def set_trainable(trunk: keras.Model, backbone: Backbone, last_blocks: int | None) -> None:
    """Choose what is trained: None everything, else the last blocks, the rest frozen.

    With pretrained weights batch normalisation stays frozen everywhere, also in unfrozen blocks:
    ``training=False`` at the call does not do that in a functional model during ``fit``, a
    ``trainable = False`` on the layer itself does.
    """
    import keras

    trunk.trainable = True
    if last_blocks is None:
        return
    unfrozen = backbone.blocks[-last_blocks:] if last_blocks else ()
    for layer in trunk.layers:
        layer.trainable = layer.name.startswith(unfrozen) if unfrozen else False
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.trainable = False
