"""Split a classifier where training begins: what no gradient reaches, and the rest.

The frozen part gives equal features for equal pixels (see ``backbones.contract.set_trainable``),
so they can be computed once. The trained part shares its layers with the whole model: to train it
is to train the model.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from model_zoo.classifier import HEAD, PIXELS, POOL, RGB, TRUNK

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class SplitClassifier:
    """A classifier in two.

    Attributes:
        frozen: float32 pixels (N, h, w, channels), augmented already -> features at the border.
        trained: features at the border -> float32 probabilities (N, classes).
        pooled: features at the border -> pooled features (N, c), the first piece of ``trained``;
            None where the border lies after the pooling.
        border: name of the layer whose output passes from one part to the other.
    """

    frozen: keras.Model
    trained: keras.Model
    pooled: keras.Model | None
    border: str


def split_where_training_begins(model: keras.Model) -> SplitClassifier | None:
    """The two parts of ``model``; None if there is nothing frozen worth a split.

    A trunk that is frozen altogether is split after the pooling. Otherwise the border is the last
    place before the first trained layer through which a single tensor passes: in a residual
    network, between two blocks.
    """
    import keras

    trunk = trunk_of(model)
    if not trunk.trainable_weights:
        return split_before_head(model)
    bridge = _last_bridge(trunk)
    if bridge is None:
        return None
    rgb = keras.Model(model.get_layer(PIXELS).output, model.get_layer(RGB).output)
    pixels = keras.Input(rgb.input_shape[1:], name="pixels")
    features = keras.Model(trunk.input, bridge, name="frozen_trunk")(rgb(pixels))
    given = keras.Input(bridge.shape[1:], name="features")
    x = keras.Model(bridge, trunk.output, name="trained_trunk")(given)
    pooled = model.get_layer(POOL)(model.get_layer(TRUNK)(x))
    probabilities = _through(model, pooled, HEAD)
    return SplitClassifier(
        keras.Model(pixels, features, name="frozen"),
        keras.Model(given, probabilities, name=f"{model.name}_trained"),
        keras.Model(given, pooled, name="pooled"),
        bridge._keras_history.operation.name,
    )


def split_before_head(model: keras.Model) -> SplitClassifier:
    """All of the trunk and the pooling, a few thousand numbers an image; and the head."""
    import keras

    pooled = model.get_layer(POOL).output
    given = keras.Input(pooled.shape[1:], name="features")
    return SplitClassifier(
        keras.Model(model.get_layer(PIXELS).output, pooled, name="frozen"),
        keras.Model(given, _through(model, given, HEAD), name=f"{model.name}_head"),
        None,
        POOL,
    )


def trunk_of(model: keras.Model) -> keras.Model:
    """The backbone inside a classifier."""
    import keras

    return next(layer for layer in model.layers if isinstance(layer, keras.Model))


def _through(model: keras.Model, x: Any, names: tuple[str, ...]) -> Any:
    """``x`` through the layers of ``model`` that have these names."""
    known = {layer.name for layer in model.layers}
    for name in names:
        if name in known:
            x = model.get_layer(name)(x)
    return x


def _last_bridge(trunk: keras.Model) -> Any:
    """The last single tensor between all frozen operations before training and all others."""
    operations = trunk.operations  # in the order in which they run
    first = next(i for i, one in enumerate(operations) if getattr(one, "trainable_weights", None))
    for count in range(first, 1, -1):
        before = {id(operation) for operation in operations[:count]}
        crossing = {
            id(tensor): tensor
            for operation in operations[count:]
            for tensor in _inputs(operation, trunk)
            if id(tensor._keras_history.operation) in before
        }
        if len(crossing) == 1:
            (tensor,) = crossing.values()
            return None if tensor is trunk.input else tensor
    return None


def _inputs(operation: Any, trunk: keras.Model) -> list[Any]:
    known = {id(node) for nodes in trunk._nodes_by_depth.values() for node in nodes}
    return [
        tensor
        for node in operation._inbound_nodes
        if id(node) in known
        for tensor in node.input_tensors
    ]
