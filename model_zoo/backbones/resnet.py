"""ResNet50, ResNet101 (He et al. 2015, arXiv:1512.03385) and ResNet50V2 (He et al. 2016,
arXiv:1603.05027), as Keras Applications ships them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from model_zoo.backbones.registration import register_backbone

if TYPE_CHECKING:
    import keras

SOURCE = "ImageNet-1k, Keras Applications"
FILE = "{}_weights_tf_dim_ordering_tf_kernels_notop.h5"


def _blocks(*stages: int) -> list[str]:
    """Names of the residual blocks; a stage is given by the number of its blocks."""
    return [
        f"conv{stage}_block{block}"
        for stage, count in enumerate(stages, start=2)
        for block in range(1, count + 1)
    ]


@register_backbone(
    native_size=224,
    smallest_size=32,
    blocks=["conv1", *_blocks(3, 4, 6, 3)],
    weights_source=SOURCE,
    weights_licence="MIT",
    weights_file=FILE.format("resnet50"),
)
def resnet50(input_shape: tuple[int, int, int], weights: str | None) -> keras.Model:
    """ResNet50; the last block is the last ten layers."""
    return _bgr_resnet("ResNet50", input_shape, weights)


@register_backbone(
    native_size=224,
    smallest_size=32,
    blocks=["conv1", *_blocks(3, 4, 23, 3)],
    weights_source=SOURCE,
    weights_licence="MIT",
    weights_file=FILE.format("resnet101"),
)
def resnet101(input_shape: tuple[int, int, int], weights: str | None) -> keras.Model:
    """ResNet101: ResNet50 with 17 more blocks in its fourth stage."""
    return _bgr_resnet("ResNet101", input_shape, weights)


@register_backbone(
    native_size=224,
    smallest_size=32,
    # The batch normalisation after the last block belongs to it: it has nothing else to train.
    blocks=["conv1", *_blocks(3, 4, 6, 3)[:-1], ("conv5_block3", "post")],
    weights_source=SOURCE,
    weights_licence="BSD",
    weights_file=FILE.format("resnet50v2"),
)
def resnet50v2(input_shape: tuple[int, int, int], weights: str | None) -> keras.Model:
    """ResNet50V2: normalisation and activation before each convolution."""
    import keras

    image = keras.Input(input_shape, name="rgb_0_255")
    x = keras.layers.Rescaling(1 / 127.5, offset=-1.0, name="to_plus_minus_1")(image)
    network = keras.applications.ResNet50V2(include_top=False, weights=weights, input_tensor=x)
    return keras.Model(image, network.output, name="resnet50v2")


def _bgr_resnet(name: str, input_shape: tuple[int, int, int], weights: str | None) -> keras.Model:
    import keras
    from keras import layers

    # The published weights expect BGR minus the mean of ImageNet. Slices and a Rescaling with one
    # offset a channel survive every export format.
    image = keras.Input(input_shape, name="rgb_0_255")
    bgr = layers.Concatenate(name="bgr")(
        [image[..., 2:3], image[..., 1:2], image[..., 0:1]],
    )
    x = layers.Rescaling(1.0, offset=[-103.939, -116.779, -123.68], name="minus_imagenet_mean")(bgr)
    make = getattr(keras.applications, name)
    network = make(include_top=False, weights=weights, input_tensor=x)
    if weights is None:
        _begin_as_shortcuts(network)
    return keras.Model(image, network.output, name=name.lower())


def _begin_as_shortcuts(network: keras.Model) -> None:
    """Let each residual block begin as its shortcut: from scratch, training then starts faster.

    Goyal et al. 2017 (arXiv:1706.02677), section 5.1: the scale of a block's last normalisation
    begins at zero.
    """
    for layer in network.layers:
        if layer.name.endswith("_3_bn"):
            layer.gamma.assign(layer.gamma * 0)
