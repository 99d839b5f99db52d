"""SqueezeNet (Iandola et al. 2016, arXiv:1602.07360), the first half of its fire modules."""

from model_zoo import register_backbone

FIRES = {"fire2": 16, "fire3": 16, "fire4": 32}


@register_backbone(native_size=224, smallest_size=16, blocks=["conv1", *FIRES])
def squeezenet(input_shape, weights):
    """SqueezeNet, short: squeeze to few channels, expand with kernels of 1 and 3."""
    from keras import Input, Model, layers

    def conv(x, channels, kernel, name):
        return layers.Conv2D(channels, kernel, padding="same", activation="relu", name=name)(x)

    image = Input(input_shape)
    x = layers.Rescaling(1 / 127.5, offset=-1.0)(image)
    x = layers.MaxPooling2D(2)(conv(x, 64, 3, "conv1"))
    for name, channels in FIRES.items():
        x = conv(x, channels, 1, f"{name}_squeeze")
        one, three = (conv(x, 4 * channels, k, f"{name}_expand{k}") for k in (1, 3))
        x = layers.Concatenate()([one, three])
    return Model(image, layers.MaxPooling2D(2)(x), name="squeezenet")
