"""Networks computed faster than Keras on TensorFlow does it on a CPU: the same layers and weights.

Keras makes a batch normalisation a chain of some ten operations, forwards and backwards, float32
copies of every activation written and read again: a third of a small network's step
(``benchmarks/normalisation.py``). TensorFlow has one operation for it, which Keras 3 does not use;
and where the statistics are at rest, the convolution before can do it on the way. Convolutions of
few pixels are products of matrices (`matrix_products.py`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from model_zoo.training.matrix_products import by_product, is_product
from model_zoo.training.normalising_layers import folding, fused, passing, plain_kind
from model_zoo.training.precision import computing_in, has_accelerator

if TYPE_CHECKING:
    import keras


def faster_in_training(model: keras.Model) -> keras.Model:
    """The same uncompiled network, with the same weights, computed faster; for training only.

    Normalisations that are frozen are folded into the convolutions before them, the others are one
    operation each; convolutions of few pixels are products. What is trained, and how, is the same
    but for rounding.

    A finished model is one of Keras' own layers and nothing else: build it anew and give it these
    weights. On an accelerator and on JAX the model is returned as it is: XLA fuses the chain.
    """
    frozen = {name: layer for name, layer in _foldable(model).items() if not layer.trainable}
    return _computed_otherwise(model, frozen)


#: Images from which on it pays to fold: making the other network takes a second.
WORTH_FOLDING = 2000


def faster_in_inference(model: keras.Model, images: int) -> keras.Model:
    """The same network for inference alone, with the same weights, computed faster.

    What it gives differs by rounding. Where that is no gain (few images, an accelerator, JAX) the
    model is returned as it is.

    Args:
        images: that it will see.
    """
    return model if images < WORTH_FOLDING else _computed_otherwise(model, _foldable(model))


def _computed_otherwise(model: keras.Model, folded: dict[str, keras.Layer]) -> keras.Model:
    """A clone with these normalisations in the convolutions of these names, all others fused, and
    products where convolutions are some."""
    import keras

    if keras.backend.backend() != "tensorflow" or has_accelerator():
        return model
    gone = {layer.name for layer in folded.values()}

    def kind_for(layer: keras.Layer) -> type:
        kind = plain_kind(layer)
        if hasattr(layer, "normalisation") and layer.name not in folded:
            raise RuntimeError(f"{layer.name} was divided from the normalisation that it does")
        if layer.name in folded:
            return folding(kind)  # type: ignore[no-any-return]
        if layer.name in gone:
            return passing()  # type: ignore[no-any-return]
        if kind is keras.layers.Conv2D and _is_product(layer):
            return by_product()  # type: ignore[no-any-return]
        if kind is not keras.layers.BatchNormalization or layer.renorm or layer.synchronized:
            return kind
        return fused()  # type: ignore[no-any-return]

    if all(kind_for(layer) is type(layer) for layer in _layers_of(model)):
        return model
    with computing_in(model.dtype_policy.name):
        cloned = keras.models.clone_model(
            model,
            clone_function=lambda layer: kind_for(layer).from_config(layer.get_config()),  # type: ignore[attr-defined]
            recursive=True,
        )
    by_name = {layer.name: layer for layer in _layers_of(cloned)}
    for name, layer in folded.items():
        by_name[name].normalisation = lambda found=by_name[layer.name]: found
    cloned.set_weights(model.get_weights())
    return cloned


def _is_product(layer: keras.layers.Conv2D) -> bool:
    """Of a layer in a network that was built: whether any of its inputs has so few pixels."""
    shapes = [node.input_tensors[0].shape for node in layer._inbound_nodes]
    return any(is_product(layer, *shape[1:3]) for shape in shapes)


def _foldable(model: keras.Model) -> dict[str, keras.Layer]:
    """By the name of each convolution whose output goes to a normalisation and nowhere else, that
    one. Names are no use where two layers share one: then none."""
    import keras

    names = [layer.name for layer in _layers_of(model)]
    if len(set(names)) < len(names):
        return {}
    found = {}
    models = [model, *(one for one in model._flatten_layers() if isinstance(one, keras.Model))]
    outputs = {id(tensor) for one in models for tensor in one.outputs}
    kinds = (keras.layers.Conv2D, keras.layers.DepthwiseConv2D)
    for layer in _layers_of(model):
        normalises = plain_kind(layer) is keras.layers.BatchNormalization
        if not normalises or len(layer._inbound_nodes) != 1:
            continue
        (tensor,) = layer._inbound_nodes[0].input_tensors
        before = tensor._keras_history.operation
        alone = len(before._inbound_nodes) == len(getattr(before, "_outbound_nodes", ())) == 1
        if plain_kind(before) in kinds and alone and id(tensor) not in outputs:
            linear = before.activation is keras.activations.linear
            if linear and before.data_format == "channels_last" and layer.axis in (-1, 3):
                found[before.name] = layer
    return found


def _layers_of(model: keras.Model) -> Iterator[keras.Layer]:
    """Every layer, those of models within the model too."""
    import keras

    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from _layers_of(layer)
        else:
            yield layer
