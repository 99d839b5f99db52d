"""Wide residual networks (Zagoruyko & Komodakis 2016, arXiv:1605.07146), trained from scratch.

The family that holds the records on small pictures: three stages at full, half and quarter
resolution, no dropout. WRN-d-k has d convolutions and k times the width of the first residual
networks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from model_zoo import register_backbone

if TYPE_CHECKING:
    import keras


def _blocks(depth: int) -> list[str | tuple[str, ...]]:
    per_stage = (depth - 4) // 6
    names = [f"stage{s}_block{b}" for s in (1, 2, 3) for b in range(1, per_stage + 1)]
    return ["stem", *names[:-1], (names[-1], "final")]


def _register(depth: int, width: int, summary: str) -> None:
    @register_backbone(
        name=f"wrn_{depth}_{width}",
        summary=f"WRN-{depth}-{width}: {summary}",
        native_size=32,
        smallest_size=8,
        blocks=_blocks(depth),
    )
    def build(input_shape: tuple[int, int, int], weights: str | None) -> keras.Model:
        return wide_resnet(depth, width, input_shape)


_register(16, 2, "the smallest, from scratch in about an hour on two CPU cores")
_register(16, 4, "four times its work")
_register(28, 10, "the paper's best on CIFAR")
_register(40, 4, "deep and thin, a quarter of the parameters of WRN-28-10")


def wide_resnet(depth: int, width: int, input_shape: tuple[int, int, int]) -> keras.Model:
    """RGB (N, H, W, 3), 0..255 -> features (N, H / 4, W / 4, 64 x width)."""
    import keras
    from keras import layers

    image = keras.Input(input_shape, name="rgb_0_255")
    x = layers.Rescaling(1 / 127.5, offset=-1.0, name="to_plus_minus_1")(image)
    x = _convolution(16, 3, 1, "stem")(x)
    for stage, (channels, stride) in enumerate(((16, 1), (32, 2), (64, 2)), start=1):
        for block in range(1, (depth - 4) // 6 + 1):
            name = f"stage{stage}_block{block}"
            x = _block(x, channels * width, stride if block == 1 else 1, name)
    x = layers.BatchNormalization(name="final_bn")(x)
    x = layers.ReLU(name="final_relu")(x)
    return keras.Model(image, x, name=f"wrn_{depth}_{width}")


def _block(x: Any, channels: int, stride: int, name: str) -> Any:
    """Normalisation and activation before each of two convolutions, and the shortcut."""
    from keras import layers

    active = layers.BatchNormalization(name=f"{name}_bn1")(x)
    active = layers.ReLU(name=f"{name}_relu1")(active)
    y = _convolution(channels, 3, stride, f"{name}_conv1")(active)
    y = layers.BatchNormalization(name=f"{name}_bn2")(y)
    y = layers.ReLU(name=f"{name}_relu2")(y)
    y = _convolution(channels, 3, 1, f"{name}_conv2")(y)
    if x.shape[-1] != channels:
        x = _convolution(channels, 1, stride, f"{name}_shortcut")(active)
    return layers.Add(name=f"{name}_add")([x, y])


def _convolution(channels: int, kernel: int, stride: int, name: str) -> keras.Layer:
    from keras import layers

    return layers.Conv2D(
        channels,
        kernel,
        strides=stride,
        padding="same",
        use_bias=False,
        kernel_initializer="he_normal",
        name=name,
    )
