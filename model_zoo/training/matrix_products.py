"""Convolutions that are a product of two matrices, computed as one.

oneDNN's convolutions go along the rows of an image. Where the last stages of a network have left
few pixels of a small picture there is little to go along: a 1x1 convolution of one pixel, from 512
channels to 2048, runs at a twentieth of what the processor can do, and of a 3x3 convolution of one
pixel eight ninths multiply the zeros around it. `benchmarks/matrix_products.py` has both ways side
by side.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import keras

#: Pixels of the output up to which a 1x1 convolution is computed as a product.
MOST_PIXELS = 16
#: Pixels of the input up to which any other is, if its kernel has as many weights a channel.
FEWEST_PIXELS = 4


def is_product(layer: keras.layers.Conv2D, height: int | None, width: int | None) -> bool:
    """Whether a convolution of so many pixels is sooner computed as a product of matrices."""
    if layer.data_format != "channels_last" or layer.groups != 1 or not (height and width):
        return False
    if tuple(layer.kernel_size) == (1, 1):
        rows, columns = _outputs(layer, height, width)
        return rows * columns <= MOST_PIXELS
    whole = layer.padding == "same" and tuple(layer.dilation_rate) == (1, 1)
    kernel = layer.kernel_size[0] * layer.kernel_size[1]
    return whole and height * width <= min(FEWEST_PIXELS, kernel)


@cache
def by_product() -> Any:
    """The class of these convolutions, made when Keras is there."""
    import keras

    class ConvolutionByProduct(keras.layers.Conv2D):
        """Keras' own, of (N, H, W, channels); any other than those above as Keras computes it."""

        computes = keras.layers.Conv2D

        def convolution_op(self, inputs: Any, kernel: Any) -> Any:
            if not is_product(self, *inputs.shape[1:3]):
                return super().convolution_op(inputs, kernel)
            if tuple(self.kernel_size) == (1, 1):
                return _of_each_pixel(self, inputs, kernel)
            return _of_all_pixels(self, inputs, kernel)

    return ConvolutionByProduct


def _of_each_pixel(layer: Any, inputs: Any, kernel: Any) -> Any:
    """(N, H, W, C), (1, 1, C, D) -> (N, rows, columns, D): a pixel's channels times the kernel."""
    from keras import ops

    rows, columns = layer.strides
    kept = inputs[:, ::rows, ::columns, :] if max(rows, columns) > 1 else inputs
    channels, filters = kernel.shape[2:]
    products = ops.matmul(
        ops.reshape(kept, (-1, channels)), ops.reshape(kernel, (channels, filters))
    )
    return ops.reshape(products, (-1, *kept.shape[1:3], filters))


def _of_all_pixels(layer: Any, inputs: Any, kernel: Any) -> Any:
    """(N, H, W, C), (h, w, C, D) -> (N, rows, columns, D): an image times one matrix, in which the
    kernel's part from each pixel to each of the output has its place."""
    from keras import ops

    height, width, channels = inputs.shape[1:]
    rows, columns = _outputs(layer, height, width)
    parts = ops.unstack(ops.reshape(kernel, (-1, channels, kernel.shape[3])), axis=0)
    nothing = ops.zeros_like(parts[0])
    first = _first(layer, height, width)

    def part(source: tuple[int, int], target: tuple[int, int]) -> Any:
        """Of the kernel, which lies over the image from ``target * strides - first`` on."""
        row, column = (
            at - place * stride + before
            for at, place, stride, before in zip(source, target, layer.strides, first, strict=True)
        )
        inside = 0 <= row < layer.kernel_size[0] and 0 <= column < layer.kernel_size[1]
        return parts[row * layer.kernel_size[1] + column] if inside else nothing

    sources = [(row, column) for row in range(height) for column in range(width)]
    targets = [(row, column) for row in range(rows) for column in range(columns)]
    matrix = ops.concatenate(
        [ops.concatenate([part(one, other) for other in targets], axis=1) for one in sources],
        axis=0,
    )
    products = ops.matmul(ops.reshape(inputs, (-1, height * width * channels)), matrix)
    return ops.reshape(products, (-1, rows, columns, kernel.shape[3]))


def _outputs(layer: keras.layers.Conv2D, height: int, width: int) -> tuple[int, int]:
    """Rows and columns of the output, where none is lost at the borders."""
    down, right = layer.strides
    return -(-height // down), -(-width // right)


def _first(layer: keras.layers.Conv2D, height: int, width: int) -> list[int]:
    """Zeros above and left of the image, as ``padding="same"`` has them: half, rounded down."""
    return [
        max((count - 1) * stride + size - side, 0) // 2
        for count, stride, size, side in zip(
            _outputs(layer, height, width),
            layer.strides,
            layer.kernel_size,
            (height, width),
            strict=True,
        )
    ]
