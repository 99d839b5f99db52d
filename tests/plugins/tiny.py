"""A backbone that trains in seconds; also the shape of any plugin."""

from model_zoo import register_backbone


@register_backbone(
    native_size=28, smallest_size=16, blocks=("block1", "block2"), weights_source="none"
)
def tiny(input_shape, weights):
    """Two convolutions, for tests."""
    from keras import Input, Model, layers

    image = Input(input_shape)
    x = layers.Rescaling(1 / 127.5, offset=-1)(image)
    for number, width in ((1, 16), (2, 32)):
        x = layers.Conv2D(width, 3, strides=2, padding="same", name=f"block{number}_conv")(x)
        x = layers.BatchNormalization(name=f"block{number}_bn")(x)
        x = layers.ReLU(name=f"block{number}_relu")(x)
    return Model(image, x, name="tiny")
