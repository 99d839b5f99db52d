"""What a backbone is, and how its layers are frozen."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from model_zoo.backbones.published import PackageFile

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class Backbone:
    """A named recipe for a feature extractor.

    Attributes:
        build: ``(input_shape, weights)`` -> model from float32 RGB (N, H, W, 3), 0..255, to a
            feature map (N, h, w, c), the backbone's own normalisation inside. ``weights`` is
            "imagenet", if Keras loads them, or None. Only Keras' own layers: other processes load
            the trained model without this recipe.
        native_size: side in pixels on which the published weights were trained.
        smallest_size: least side in pixels that gives a feature map.
        blocks: the network in pieces, in its order; each piece as the names by which its layers
            begin (see :meth:`block_of`), the first of which is its name.
        weights_source: where the published weights come from; "none" if there are none.
        weights_licence: the licence of the published weights.
        weights_file: how they are found: the name under which Keras caches them, or the file of
            a package.
        torch_names: layers by the names of PyTorch's modules, None for one that is no part of the
            trunk; with them PyTorch's files can be read.
        defined_in: file that registered it.
    """

    name: str
    build: Callable[[tuple[int, int, int], str | None], keras.Model]
    native_size: int
    smallest_size: int
    blocks: tuple[tuple[str, ...], ...]
    weights_source: str
    weights_licence: str
    weights_file: str | PackageFile
    torch_names: Mapping[str, str | None] | None = field(hash=False)
    summary: str
    defined_in: Path

    @property
    def block_names(self) -> tuple[str, ...]:
        return tuple(block[0] for block in self.blocks)

    def block_of(self, layer: str) -> int | None:
        """Index of the block that a layer belongs to, or None.

        ``conv4_block1`` covers itself and ``conv4_block1_...``, not ``conv4_block10_...``; of
        several names that fit the longest decides.
        """
        fits = [
            (len(prefix), index)
            for index, block in enumerate(self.blocks)
            for prefix in block
            if layer == prefix or layer.startswith(f"{prefix}_")
        ]
        return max(fits)[1] if fits else None


def set_trainable(
    trunk: keras.Model,
    backbone: Backbone,
    last_blocks: int | None,
    normalisation_learns: bool = False,
) -> None:
    """Choose what is trained in a freshly built trunk: None everything, else the last blocks.

    With pretrained weights batch normalisation stays frozen everywhere, also in unfrozen blocks
    unless ``normalisation_learns``: ``training=False`` at the call does not do that in a functional
    model during ``fit``, a ``trainable = False`` on the layer itself does. Frozen blocks drop
    nothing either (the EfficientNets have stochastic depth): what is frozen gives equal features
    for equal images.
    """
    from keras import layers

    trunk.trainable = True
    if last_blocks is None:
        return
    first = max(0, len(backbone.blocks) - last_blocks)
    for layer in trunk.layers:
        block = backbone.block_of(layer.name)
        unfrozen = block is not None and block >= first
        normalises = isinstance(layer, layers.BatchNormalization)
        layer.trainable = unfrozen and (normalisation_learns or not normalises)
        if isinstance(layer, layers.Dropout) and not unfrozen:
            layer.rate = 0.0
