"""The catalogue: counts taken from the model, kept until the file changes."""

import json
from pathlib import Path

import keras
import pytest

from model_zoo.backbones import discover, get_backbone
from model_zoo.backbones.catalogue import card, count
from model_zoo.backbones.multiply_adds import multiply_adds
from model_zoo.backbones.registration import BACKBONES
from model_zoo.files import read_json

PLUGIN = """
from model_zoo import register_backbone

@register_backbone(native_size=16, smallest_size=8, blocks=["a", "b"])
def counted(input_shape, weights):
    "For tests."
    from keras import Input, Model, layers
    image = Input(input_shape)
    x = layers.Conv2D(4, 3, padding="same", use_bias=False, name="a_conv")(image)
    return Model(image, layers.Conv2D({width}, 1, name="b_conv")(x), name="counted")
"""


@pytest.mark.parametrize(
    ("layer_of", "expected"),
    [
        (lambda layers: layers.Conv2D(5, 3, strides=2, padding="same"), 4 * 4 * 9 * 6 * 5),
        (lambda layers: layers.Conv2D(4, 3, groups=2, padding="same"), 8 * 8 * 9 * 3 * 4),
        (lambda layers: layers.DepthwiseConv2D(3, padding="same"), 8 * 8 * 9 * 6),
        (lambda layers: layers.SeparableConv2D(5, 3, padding="same"), 8 * 8 * (9 * 6 + 6 * 5)),
        (lambda layers: layers.Dense(7), 8 * 8 * 6 * 7),
        (
            lambda layers: layers.EinsumDense("nhwc,cd->nhwd", (8, 8, 7), bias_axes="hwd"),
            8 * 8 * 6 * 7,
        ),
        (lambda layers: layers.BatchNormalization(), 0),
    ],
)
def test_multiply_adds_of_a_layer(layer_of, expected: int) -> None:
    image = keras.Input((8, 8, 6))
    assert multiply_adds(keras.Model(image, layer_of(keras.layers)(image))) == expected


def test_multiply_adds_of_attention() -> None:
    tokens, width, heads, key = 10, 12, 3, 4
    x = keras.Input((tokens, width))
    model = keras.Model(x, keras.layers.MultiHeadAttention(heads, key)(x, x))
    projections = 4 * tokens * width * heads * key
    products = 2 * tokens * tokens * heads * key
    assert multiply_adds(model) == projections + products


def test_counts_agree_with_the_papers(zoo) -> None:
    """MobileNetV3 small: 56 M multiply-adds with its classifier (Howard et al. 2019, table 4),
    WRN-16-4: 2.7 M parameters (Zagoruyko & Komodakis 2016, table 4)."""
    mobile, wide = count(get_backbone("mobilenet_v3_small")), count(get_backbone("wrn_16_4"))
    assert 54e6 < mobile.multiply_adds < 56e6
    assert 2.65e6 < wide.parameters < 2.8e6
    assert wide.last_block_parameters == 2 * 9 * 256 * 256


def test_counts_are_kept_until_the_file_changes(empty_registry, tmp_path: Path) -> None:
    said: list[str] = []

    def look(folder: str, width: int) -> int:
        plugins = tmp_path / folder
        plugins.mkdir()
        (plugins / "counted.py").write_text(PLUGIN.format(width=width))
        BACKBONES._entries.pop("counted", None)
        discover(plugins)
        return card(get_backbone("counted"), tmp_path / "c.json", said.append).counts.parameters

    assert look("first", 2) == 3 * 4 * 9 + 4 * 2 + 2
    assert look("same", 2) == 118 and said == ["counting counted"]
    assert look("other", 3) == 3 * 4 * 9 + 4 * 3 + 3 and len(said) == 2
    assert list(read_json(tmp_path / "c.json")) == ["counted"]


def test_the_command_lists_as_table_and_as_json(catwalk, tmp_path: Path) -> None:
    plugins = tmp_path / "plugins"
    plugins.mkdir()
    (plugins / "counted.py").write_text(PLUGIN.format(width=2))
    where = {"CATWALK_PLUGINS_DIR": str(plugins), "CATWALK_HOME": str(tmp_path)}
    status, printed, _ = catwalk("backbones", "count*", "--json", **where)
    assert status == 0
    (found,) = json.loads(printed)
    assert found["source"] == "plugin counted.py"
    assert found["blocks"] == ["a", "b"]
    assert found["multiply_adds"] == 16 * 16 * (9 * 3 * 4 + 4 * 2)
    assert found["last_block_parameters"] == 10
    status, printed, _ = catwalk("backbones", "count*", **where)
    assert status == 0
    cells = [cell.strip() for cell in printed.splitlines()[3].split("│")[1:-1]]
    assert cells == [
        "counted", "plugin counted.py", "0.00 M", "16 px", "0.000 G", "none", "", "b, 0.00 M", "2",
    ]  # fmt: skip


def test_a_wrong_name_is_one_sentence_and_status_2(catwalk) -> None:
    status, _, error = catwalk("backbones", "tinny")
    assert status == 2
    assert error.splitlines()[-1] == "catwalk: unknown backbone 'tinny': did you mean tiny?"
