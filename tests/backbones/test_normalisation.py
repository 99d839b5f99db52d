"""The normalisation inside each backbone is that of its family's own `preprocess_input`."""

from pathlib import Path

import keras
import numpy as np
import pytest
from made_weights import write_older

from model_zoo.backbones import build_trunk, get_backbone

APPLICATIONS = keras.applications
IMAGES = np.random.default_rng(0).uniform(0, 255, (4, 32, 32, 3)).astype(np.float32)
SHAPE = IMAGES.shape[1:]


def seen_by_first_convolution(model: keras.Model, images: np.ndarray) -> np.ndarray:
    """What the images have become when they reach the first layer that learns."""
    reached = []

    def call(layer, *inputs, **options):
        if isinstance(layer, keras.layers.Conv2D):
            reached.append(inputs[0])
        return layer(*inputs, **options)

    copy = keras.models.clone_model(model, clone_function=lambda one: one, call_function=call)
    return np.asarray(keras.Model(copy.input, reached[0])(images, training=False))


@pytest.mark.parametrize(
    ("name", "module", "network"),
    [
        ("resnet50", "resnet50", "ResNet50"),
        ("resnet50v2", "resnet_v2", "ResNet50V2"),
        ("mobilenet_v2", "mobilenet_v2", "MobileNetV2"),
        ("mobilenet_v3_small", "mobilenet_v3", "MobileNetV3Small"),
        ("efficientnet_v2_b0", "efficientnet_v2", "EfficientNetV2B0"),
    ],
)
def test_raw_pixels_become_what_the_family_makes_of_them(
    zoo, name: str, module: str, network: str
) -> None:
    ours = seen_by_first_convolution(build_trunk(get_backbone(name), 32, "none"), IMAGES)
    prepared = getattr(APPLICATIONS, module).preprocess_input(IMAGES.copy())
    theirs = getattr(APPLICATIONS, network)(include_top=False, weights=None, input_shape=SHAPE)
    np.testing.assert_allclose(
        ours, seen_by_first_convolution(theirs, prepared), rtol=1e-5, atol=1e-4
    )


def test_efficientnet_b0_normalises_as_with_its_published_weights(
    zoo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keras' B0 takes mean and variance from the weights file and divides once more."""
    network = APPLICATIONS.EfficientNetB0(include_top=False, weights=None, input_shape=SHAPE)
    # The published file holds the deviation where the layer expects the variance.
    statistics = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225], 0)
    (normalise,) = (one for one in network.layers if isinstance(one, keras.layers.Normalization))
    normalise.set_weights([np.array(one) for one in statistics])
    path = write_older(network, tmp_path / "efficientnetb0_notop.h5")
    monkeypatch.setattr(
        "keras.src.applications.efficientnet.file_utils.get_file", lambda *a, **k: str(path)
    )
    theirs = APPLICATIONS.EfficientNetB0(include_top=False, input_shape=SHAPE)
    for weights in ("none", "imagenet", str(path)):
        ours = build_trunk(get_backbone("efficientnet_b0"), 32, weights)
        np.testing.assert_allclose(
            seen_by_first_convolution(ours, IMAGES),
            seen_by_first_convolution(theirs, IMAGES),
            rtol=1e-5,
            atol=1e-4,
        )


def test_vit_cuts_patches_that_are_squares_of_the_picture(zoo) -> None:
    trunk = build_trunk(get_backbone("vit_tiny"), 16, "none")
    flatten = keras.Model(trunk.input, trunk.get_layer("flatten").output)
    images = IMAGES[:, :16, :16]
    patch = np.asarray(flatten(images))[1, 2, 3].reshape(4, 4, 3)
    np.testing.assert_allclose(patch, images[1, 8:12, 12:16] / 127.5 - 1, atol=1e-5)
