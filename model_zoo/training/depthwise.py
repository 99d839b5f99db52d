"""Depthwise convolutions as sums of shifted images, which XLA makes one loop of.

On JAX a depthwise convolution is one with as many groups as channels.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import keras


def is_sum(layer: keras.layers.DepthwiseConv2D) -> bool:
    """Whether a depthwise convolution can be computed as such a sum."""
    plain = layer.depth_multiplier == 1 and tuple(layer.dilation_rate) == (1, 1)
    return plain and layer.data_format == "channels_last"


@cache
def by_sum() -> Any:
    """The class of these convolutions, made when Keras is there."""
    import keras
    from keras import ops

    class DepthwiseBySum(keras.layers.DepthwiseConv2D):
        """Keras' own, of (N, H, W, channels)."""

        computes = keras.layers.DepthwiseConv2D

        def call(self, inputs: Any) -> Any:
            outputs = ops.cast(_sum(self, inputs), self.compute_dtype)
            if self.use_bias:
                outputs = ops.add(outputs, self.bias)
            return outputs if self.activation is None else self.activation(outputs)

    return DepthwiseBySum


def _sum(layer: Any, inputs: Any) -> Any:
    """(N, H, W, C) -> (N, rows, columns, C) in float32: of each pixel of the kernel, the images
    shifted by it, times its weights."""
    from keras import ops

    (rows, above, below), (columns, left, right) = (
        _places(side, size, stride, layer.padding == "same")
        for side, size, stride in zip(
            inputs.shape[1:3], layer.kernel_size, layer.strides, strict=True
        )
    )
    padded = ops.pad(inputs, ((0, 0), (above, below), (left, right), (0, 0)))
    kernel = ops.cast(ops.cast(layer.kernel, layer.compute_dtype), "float32")
    down, along = layer.strides
    shifted = (
        ops.cast(
            padded[
                :,
                row : row + (rows - 1) * down + 1 : down,
                column : column + (columns - 1) * along + 1 : along,
                :,
            ],
            "float32",
        )
        * kernel[row, column, :, 0]
        for row in range(layer.kernel_size[0])
        for column in range(layer.kernel_size[1])
    )
    return sum(shifted, start=0.0)


def _places(side: int, size: int, stride: int, same: bool) -> tuple[int, int, int]:
    """Of one axis: places of the output, and zeros before and after the input."""
    if not same:
        return (side - size) // stride + 1, 0, 0
    places = -(-side // stride)
    zeros = max((places - 1) * stride + size - side, 0)
    return places, zeros // 2, zeros - zeros // 2
