"""Plain vision transformers (Dosovitskiy et al. 2020, arXiv:2010.11929; tiny and small as in
Touvron et al. 2020, arXiv:2012.12877), without the class token.

The head pools over the grid, which does as well (Beyer et al. 2022, arXiv:2205.01580), so the
tokens come back as a feature map. Ours, out of Keras' own layers: Keras Applications has none, and
KerasHub depends on `tensorflow` and `tensorflow-text` beside our `tensorflow-cpu`, which is
TensorFlow installed twice for eighty lines of layers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from model_zoo import UserError, register_backbone

if TYPE_CHECKING:
    import keras

DEPTH = 12
NATIVE_PATCH = 16
# Below 128 pixels a patch of 16 leaves a handful of tokens: 4 pixels give 8 x 8 of them at 32.
SMALL_IMAGE, SMALL_PATCH = 128, 4
BLOCKS: list[str | tuple[str, ...]] = [
    "patches",
    *(f"block{i}" for i in range(1, DEPTH)),
    (f"block{DEPTH}", "norm"),
]


@register_backbone(native_size=224, smallest_size=8, blocks=BLOCKS)
def vit_tiny(input_shape: tuple[int, int, int], weights: str | None) -> keras.Model:
    """ViT-Ti: twelve transformer blocks of width 192 over patches of 16 pixels (4 below 128)."""
    return vision_transformer("vit_tiny", input_shape, width=192, heads=3)


@register_backbone(native_size=224, smallest_size=8, blocks=BLOCKS)
def vit_small(input_shape: tuple[int, int, int], weights: str | None) -> keras.Model:
    """ViT-S: the same with width 384, about the size of ResNet50."""
    return vision_transformer("vit_small", input_shape, width=384, heads=6)


def vision_transformer(
    name: str, input_shape: tuple[int, int, int], width: int, heads: int, depth: int = DEPTH
) -> keras.Model:
    """RGB (N, H, W, 3), 0..255 -> tokens as a grid (N, H / patch, W / patch, width).

    Raises:
        UserError: the image cannot be cut into whole patches.
    """
    import keras
    from keras import initializers, layers

    side = input_shape[0]
    patch = NATIVE_PATCH if side >= SMALL_IMAGE else SMALL_PATCH
    if side % patch:
        raise UserError(
            f"{name} cuts images into patches of {patch} pixels: image_size must be a multiple "
            f"of {patch}. Received: image_size {side}"
        )
    grid = side // patch

    image = keras.Input(input_shape, name="rgb_0_255")
    x = layers.Rescaling(1 / 127.5, offset=-1.0, name="to_plus_minus_1")(image)
    x = layers.Reshape((grid, patch, grid, patch, 3), name="cut")(x)
    x = layers.Permute((1, 3, 2, 4, 5), name="gather")(x)
    x = layers.Reshape((grid, grid, patch * patch * 3), name="flatten")(x)
    # A linear map with one bias a position: patch and position embedding in one layer.
    x = layers.EinsumDense(
        "nhwp,pc->nhwc",
        output_shape=(grid, grid, width),
        bias_axes="hwc",
        bias_initializer=initializers.TruncatedNormal(stddev=0.02),
        name="patches",
    )(x)
    x = layers.Reshape((grid * grid, width), name="as_sequence")(x)
    for block in range(1, depth + 1):
        x = _transformer_block(x, width, heads, f"block{block}")
    x = layers.LayerNormalization(epsilon=1e-6, name="norm")(x)
    x = layers.Reshape((grid, grid, width), name="as_grid")(x)
    return keras.Model(image, x, name=name)


def _transformer_block(x: Any, width: int, heads: int, name: str) -> Any:
    """Attention, then two dense layers, each on normalised input and with a shortcut."""
    from keras import layers, ops

    y = layers.LayerNormalization(epsilon=1e-6, name=f"{name}_norm1")(x)
    y = layers.MultiHeadAttention(heads, width // heads, name=f"{name}_attention")(y, y)
    x = layers.Add(name=f"{name}_add1")([x, y])
    y = layers.LayerNormalization(epsilon=1e-6, name=f"{name}_norm2")(x)
    y = layers.Dense(4 * width, name=f"{name}_dense1")(y)
    y = ops.gelu(y, approximate=True)  # the exact one exports to what ONNX Runtime refuses
    y = layers.Dense(width, name=f"{name}_dense2")(y)
    return layers.Add(name=f"{name}_add2")([x, y])
