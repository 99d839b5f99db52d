"""Count the multiply-adds of a trunk from the shapes of its layers."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import keras


def multiply_adds(trunk: keras.Model) -> int:
    """Multiply-adds of one image: of convolutions, dense layers and attention.

    The way in which papers count (one multiply-add is one, not two): a kernel's elements times
    the positions at which it is applied. Normalisation, activations and pooling are left out.
    """
    import keras

    total = 0

    def call(layer: keras.Layer, *inputs: Any, **options: Any) -> Any:
        nonlocal total
        output = layer(*inputs, **options)
        total += _of_layer(layer, output)
        return output

    keras.models.clone_model(trunk, clone_function=lambda layer: layer, call_function=call)
    return total


def _of_layer(layer: keras.Layer, output: Any) -> int:
    from keras import layers

    if isinstance(layer, layers.MultiHeadAttention):
        tokens = math.prod(output.shape[1:-1])
        projections = sum(math.prod(w.shape) for w in layer.weights if len(w.shape) == 3)
        width = layer.num_heads * (layer.key_dim + layer.value_dim)
        return tokens * projections + tokens * tokens * width
    if isinstance(layer, layers.EinsumDense):
        summed = _summed_letters(layer.equation)
        kernel = layer.equation.replace(" ", "").split(",")[1].split("->")[0]
        sizes = dict(zip(kernel, layer.kernel.shape, strict=True))
        positions = math.prod(output.shape[1:])
        return positions * math.prod(sizes[letter] for letter in summed)
    if isinstance(layer, layers.Dense):
        return math.prod(layer.kernel.shape) * math.prod(output.shape[1:-1])
    if isinstance(layer, layers.DepthwiseConv2D):
        height, width, channels, multiplier = layer.kernel.shape
        return height * width * channels * multiplier * math.prod(output.shape[1:3])
    if isinstance(layer, layers.SeparableConv2D):
        kernels = math.prod(layer.depthwise_kernel.shape) + math.prod(layer.pointwise_kernel.shape)
        return kernels * math.prod(output.shape[1:3])
    if isinstance(layer, layers.Conv2D):
        return math.prod(layer.kernel.shape) * math.prod(output.shape[1:3])
    return 0


def _summed_letters(equation: str) -> set[str]:
    """Letters of the kernel that the output lacks."""
    inputs, output = equation.replace(" ", "").split("->")
    return set(inputs.split(",")[1]) - set(output)
