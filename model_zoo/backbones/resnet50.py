"""ResNet50 (He et al. 2015, arXiv:1512.03385), as Keras Applications ships it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from model_zoo.backbones.registration import register_backbone

if TYPE_CHECKING:
    import keras


@register_backbone(
    native_size=224,
    smallest_size=32,
    blocks=(
        "conv1",
        *(f"conv2_block{i}" for i in (1, 2, 3)),
        *(f"conv3_block{i}" for i in (1, 2, 3, 4)),
        *(f"conv4_block{i}" for i in (1, 2, 3, 4, 5, 6)),
        *(f"conv5_block{i}" for i in (1, 2, 3)),
    ),
    weights_source="Keras Applications, ImageNet-1k, MIT licence",
)
def resnet50(input_shape: tuple[int, int, int], weights: str | None) -> keras.Model:
    """ResNet50: 23.6 M parameters; the last block is the last ten layers."""
    import keras
    from keras import layers

    # The published weights expect BGR minus the mean of ImageNet. A 1x1 convolution that swaps
    # the channels and a Rescaling with one offset a channel survive every export format.
    image = keras.Input(input_shape, name="rgb_0_255")
    bgr = layers.Concatenate(name="bgr")(
        [image[..., 2:3], image[..., 1:2], image[..., 0:1]],
    )
    x = layers.Rescaling(1.0, offset=[-103.939, -116.779, -123.68], name="minus_imagenet_mean")(bgr)
    trunk = keras.applications.ResNet50(include_top=False, weights=weights, input_tensor=x)
    return keras.Model(image, trunk.output, name="resnet50")
