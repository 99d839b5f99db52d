"""MobileNetV2 (Sandler et al. 2018, arXiv:1801.04381) and MobileNetV3 (Howard et al. 2019,
arXiv:1905.02244), as Keras Applications ships them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from model_zoo import register_backbone

if TYPE_CHECKING:
    import keras

SOURCE = "ImageNet-1k, Keras Applications"
V3_FILE = "weights_mobilenet_v3_{}_224_1.0_float_no_top_v2.h5"


@register_backbone(
    native_size=224,
    smallest_size=32,
    blocks=[
        ("Conv1", "bn_Conv1"),
        "expanded_conv",
        *(f"block_{i}" for i in range(1, 16)),
        ("block_16", "Conv_1", "out"),
    ],
    weights_source=SOURCE,
    weights_licence="Apache-2.0",
    weights_file="mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5",
)
def mobilenet_v2(input_shape: tuple[int, int, int], weights: str | None) -> keras.Model:
    """MobileNetV2: inverted residuals with linear bottlenecks."""
    import keras

    image = keras.Input(input_shape, name="rgb_0_255")
    x = keras.layers.Rescaling(1 / 127.5, offset=-1.0, name="to_plus_minus_1")(image)
    network = keras.applications.MobileNetV2(include_top=False, weights=weights, input_tensor=x)
    return keras.Model(image, network.output, name="mobilenet_v2")


def _v3_blocks(count: int) -> list[str | tuple[str, ...]]:
    inner = [f"expanded_conv_{i}" for i in range(1, count - 1)]
    return ["conv", "expanded_conv", *inner, (f"expanded_conv_{count - 1}", "conv_1")]


@register_backbone(
    native_size=224,
    smallest_size=32,
    blocks=_v3_blocks(11),
    weights_source=SOURCE,
    weights_licence="Apache-2.0",
    weights_file=V3_FILE.format("small"),
)
def mobilenet_v3_small(input_shape: tuple[int, int, int], weights: str | None) -> keras.Model:
    """MobileNetV3 small: the least work of all."""
    import keras

    # Scaling to -1..1 is inside.
    return keras.applications.MobileNetV3Small(
        input_shape=input_shape, include_top=False, weights=weights, name="mobilenet_v3_small"
    )


@register_backbone(
    native_size=224,
    smallest_size=32,
    blocks=_v3_blocks(15),
    weights_source=SOURCE,
    weights_licence="Apache-2.0",
    weights_file=V3_FILE.format("large"),
)
def mobilenet_v3_large(input_shape: tuple[int, int, int], weights: str | None) -> keras.Model:
    """MobileNetV3 large: found by search, with squeeze and excitation."""
    import keras

    return keras.applications.MobileNetV3Large(
        input_shape=input_shape, include_top=False, weights=weights, name="mobilenet_v3_large"
    )
