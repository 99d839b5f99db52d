"""EfficientNet (Tan & Le 2019, arXiv:1905.11946) and EfficientNetV2 (Tan & Le 2021,
arXiv:2104.00298), as Keras Applications ships them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from model_zoo import register_backbone

if TYPE_CHECKING:
    import keras

SOURCE = "ImageNet-1k, Keras Applications"
MEAN = (0.485, 0.456, 0.406)  # of ImageNet, RGB scaled to 0..1
DEVIATION = (0.229, 0.224, 0.225)


def _blocks(*stages: int) -> list[str | tuple[str, ...]]:
    """Names of the blocks; a stage is given by the number of its blocks."""
    names = [
        f"block{stage}{chr(ord('a') + block)}"
        for stage, count in enumerate(stages, start=1)
        for block in range(count)
    ]
    return ["stem", *names[:-1], (names[-1], "top")]


def _normalisation() -> keras.Layer:
    """0..255 -> mean 0, deviation 1 over ImageNet.

    Not Keras' own Normalization: its statistics become required inputs of an exported ONNX graph.
    """
    from keras import layers

    return layers.Rescaling(
        [1 / 255 / deviation for deviation in DEVIATION],
        offset=[-mean / deviation for mean, deviation in zip(MEAN, DEVIATION, strict=True)],
        name="imagenet_normalisation",
    )


@register_backbone(
    native_size=224,
    smallest_size=32,
    blocks=_blocks(1, 2, 2, 3, 3, 4, 1),
    weights_source=SOURCE,
    weights_licence="Apache-2.0",
    weights_file="efficientnetb0_notop.h5",
)
def efficientnet_b0(input_shape: tuple[int, int, int], weights: str | None) -> keras.Model:
    """EfficientNet-B0: squeeze and excitation in inverted residuals, scaled by search."""
    import keras
    from keras import layers

    network = keras.applications.EfficientNetB0(
        input_shape=input_shape, include_top=False, weights=weights
    )
    normalise = _normalisation()

    def call(layer: keras.Layer, *inputs: Any, **options: Any) -> Any:
        """Keras normalises in three layers with weights and in two without: always ours."""
        if isinstance(layer, layers.Normalization):
            return normalise(*inputs)
        return inputs[0] if isinstance(layer, layers.Rescaling) else layer(*inputs, **options)

    copy = keras.models.clone_model(network, clone_function=lambda layer: layer, call_function=call)
    return keras.Model(copy.input, copy.output, name="efficientnet_b0")


def _register_v2(size: str, native_size: int, *stages: int) -> None:
    @register_backbone(
        name=f"efficientnet_v2_{size}",
        summary=f"EfficientNetV2-{size.upper()}: fused blocks first, which train faster.",
        native_size=native_size,
        smallest_size=32,
        blocks=_blocks(*stages),
        weights_source=SOURCE,
        weights_licence="Apache-2.0",
        weights_file=f"efficientnetv2-{size}_notop.h5",
    )
    def build(input_shape: tuple[int, int, int], weights: str | None) -> keras.Model:
        import keras

        image = keras.Input(input_shape, name="rgb_0_255")
        make = getattr(keras.applications, f"EfficientNetV2{size.upper()}")
        network = make(
            include_top=False,
            weights=weights,
            input_tensor=_normalisation()(image),
            include_preprocessing=False,
        )
        return keras.Model(image, network.output, name=f"efficientnet_v2_{size}")


_register_v2("b0", 224, 1, 2, 2, 3, 5, 8)
_register_v2("b1", 240, 2, 3, 3, 4, 6, 9)
_register_v2("b2", 260, 2, 3, 3, 4, 6, 10)
_register_v2("b3", 300, 2, 3, 3, 5, 7, 12)
