"""Every backbone that is shipped keeps the contract; what breaks it is named."""

import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers
from keras.src.applications import efficientnet as keras_efficientnet
from keras.src.applications import resnet as keras_resnet

from model_zoo.backbones import discover, get_backbone, list_backbones
from model_zoo.backbones.check import run_checks, use_statistics_of
from model_zoo.backbones.registration import register_backbone

discover(Path(__file__).parents[2] / "plugins")
SHIPPED = list_backbones()
ONE_A_FAMILY = ["mobilenet_v3_small", "efficientnet_lite0", "wrn_16_2"]
RESNET, EFFICIENTNET = get_backbone("resnet50"), get_backbone("efficientnet_b0")
VIT = sys.modules[get_backbone("vit_tiny").build.__module__]  # the plugin, as it was discovered


def test_the_families_are_there() -> None:
    assert {"resnet50", "efficientnet_b0", *ONE_A_FAMILY} <= set(SHIPPED)
    assert list_backbones("efficientnet_v2_*") == [f"efficientnet_v2_b{i}" for i in range(4)]
    assert list_backbones("wrn*") == ["wrn_16_2", "wrn_16_4", "wrn_28_10", "wrn_40_4"]


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_backbone_keeps_the_contract(name: str) -> None:
    """Builds small, gives features, names its blocks. One of each family also: a training step
    changes exactly what is unfrozen and lowers the loss; saved and loaded bit-equal; exported."""
    whole = name in ONE_A_FAMILY
    found = dict(run_checks(get_backbone(name), quick=not whole))
    assert found == {check: [] for check in found}
    keras.utils.clear_session()  # eighteen models would stay in memory
    assert len(found) == (7 if whole else 4)


def test_a_vision_transformer_keeps_the_whole_contract(empty_registry: None) -> None:
    """With two of its twelve blocks, which are alike: exporting them takes ten seconds."""

    def vit_short(input_shape, weights):
        return VIT.vision_transformer("vit_short", input_shape, width=192, heads=3, depth=2)

    blocks = [*VIT.BLOCKS[:2], ("block2", "norm")]
    register_backbone(native_size=224, smallest_size=8, blocks=blocks)(vit_short)
    found = dict(run_checks(get_backbone("vit_short")))
    assert found == {check: [] for check in found} and len(found) == 7


def test_a_residual_network_keeps_the_whole_contract(
    empty_registry: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With one block a stage, where ResNet50 has three to six: that one takes half a minute."""
    stack = keras_resnet.stack_residual_blocks_v1
    monkeypatch.setattr(
        keras_resnet,
        "stack_residual_blocks_v1",
        lambda x, filters, blocks, **more: stack(x, filters, 1, **more),
    )
    blocks = ["conv1", *(f"conv{stage}_block1" for stage in (2, 3, 4, 5))]
    register_backbone(name="short", native_size=224, smallest_size=32, blocks=blocks)(RESNET.build)
    found = dict(run_checks(get_backbone("short")))
    assert found == {check: [] for check in found} and len(found) == 7


def test_an_efficientnet_keeps_the_whole_contract(
    empty_registry: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With one block a stage, where B0 has up to four."""
    stages = [one | {"repeats": 1} for one in keras_efficientnet.DEFAULT_BLOCKS_ARGS]
    monkeypatch.setattr(keras_efficientnet, "DEFAULT_BLOCKS_ARGS", stages)
    blocks = sys.modules[EFFICIENTNET.build.__module__]._blocks(*[1] * len(stages))
    register_backbone(name="short", native_size=224, smallest_size=32, blocks=blocks)(
        EFFICIENTNET.build
    )
    found = dict(run_checks(get_backbone("short")))
    assert found == {check: [] for check in found} and len(found) == 7


def bad(layer_of, blocks=("one", "two"), **options):
    """A backbone of two convolutions with something in between, not registered by name."""

    def build(input_shape, weights):
        from keras import Input, Model, layers

        image = Input(input_shape)
        x = layers.Conv2D(4, 3, name="one_conv")(layers.Rescaling(1 / 127.5, offset=-1.0)(image))
        x = layer_of(layers)(x)
        return Model(image, layers.Conv2D(4, 1, name="two_conv")(x), name="bad")

    register_backbone(name="bad", native_size=8, smallest_size=8, blocks=blocks, **options)(build)
    return get_backbone("bad")


def own_layer(layers):
    class Doubled(layers.Layer):
        def call(self, x):
            return 2 * x

    return Doubled(name="doubled")


def model_inside(layers):
    import keras

    inner = keras.Input((6, 6, 4))
    return keras.Model(inner, layers.Conv2D(4, 1)(inner), name="one_inner")


@pytest.mark.parametrize(
    ("layer_of", "blocks", "problem"),
    [
        (lambda layers: layers.ReLU(), ("one", "too"), "layer two_conv has weights and belongs"),
        (lambda layers: layers.ReLU(), ("one", "two", "three"), "block three has no layer"),
        (lambda layers: layers.ReLU(), ("two", "one"), "blocks are not in the order"),
        (own_layer, ("one", "two"), "layer doubled is of a class of its own, Doubled"),
        (model_inside, ("one", "two"), "one_inner is a model inside the model"),
        (lambda layers: layers.GlobalAveragePooling2D(keepdims=False), ("one", "two"), "min_ndim"),
        (lambda layers: layers.Rescaling(float("nan")), ("one", "two"), "are not finite"),
        (lambda layers: layers.Rescaling(0.0), ("one", "two"), "have the same features"),
    ],
)
def test_what_breaks_the_contract_is_named(empty_registry, layer_of, blocks, problem) -> None:
    problems = [one for _, found in run_checks(bad(layer_of, blocks), quick=True) for one in found]
    assert any(problem in one for one in problems), problems


@pytest.mark.parametrize(
    ("layer_of", "problem"),
    [
        (lambda layers: layers.Activation("gelu"), "take keras.ops.gelu(x, approximate=True)"),
        (
            lambda layers: layers.Normalization(mean=[0.0] * 4, variance=[1.0] * 4),
            "the ONNX file wants 3 inputs",
        ),
    ],
)
def test_what_cannot_be_exported_is_named(empty_registry, layer_of, problem) -> None:
    *_, (what, problems) = run_checks(bad(layer_of))
    assert what.startswith("exports") and problem in problems[0]


def test_a_checked_network_has_the_statistics_of_all_of_it_not_of_what_dropout_left() -> None:
    """Else a network with stochastic depth makes features of thousands, and exports seem wrong."""
    image = keras.Input((4, 4, 3))
    x = layers.Conv2D(16, 3)(image)
    dropout = layers.Dropout(0.9, noise_shape=(None, 1, 1, 1))
    x = layers.BatchNormalization(epsilon=1e-6)(dropout(x))
    trunk = keras.Model(image, x)
    images = np.random.default_rng(0).uniform(0, 255, (8, 4, 4, 3)).astype(np.float32)
    use_statistics_of(images, trunk)
    features = np.asarray(trunk(images, training=False))
    assert np.abs(features.std(axis=(0, 1, 2)) - 1).max() < 0.01
    assert dropout.rate == 0.9
