"""PyTorch's state dicts are read as PyTorch reads them, without it, and nothing in them is run."""

import os
import pickle
import zipfile
from pathlib import Path

import keras
import numpy as np
import pytest

from model_zoo.backbones import build_trunk, get_backbone, register_backbone
from model_zoo.backbones.torch_files import MAGIC, PROTOCOL, read_state_dict
from model_zoo.errors import UserError

#: Files that PyTorch saved, and what it holds in them: see make_torch_reference.py.
REFERENCE = np.load(Path(__file__).with_name("torch_reference.npz"))
NAMES = {"conv": "stem_conv", "bn": "stem_bn", "depthwise": "top_depthwise", "head": None}


class Malicious:
    def __reduce__(self):
        return os.system, ("touch executed",)


def written(name: str, folder: Path) -> Path:
    path = folder / f"{name}.pth"
    path.write_bytes(REFERENCE[name].tobytes())
    return path


def before_zip(state: object, path: Path, little_endian: bool = True) -> Path:
    head = (MAGIC, PROTOCOL, {"little_endian": little_endian})
    path.write_bytes(b"".join(map(pickle.dumps, (*head, state, []))))
    return path


def in_a_zip(state: object, path: Path, compression: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", compression) as archive:
        archive.writestr("archive/data.pkl", pickle.dumps(state))
    return path


@pytest.fixture
def small(empty_registry):
    """The reference's small network, its layers under names of our own."""

    @register_backbone(
        native_size=8, smallest_size=8, blocks=["stem", ("top", "pointwise")], torch_names=NAMES
    )
    def small(input_shape: tuple, weights: str | None) -> keras.Model:
        image = keras.Input(input_shape)
        x = keras.layers.Conv2D(4, 3, use_bias=False, name="stem_conv")(image)
        x = keras.layers.BatchNormalization(epsilon=1e-5, name="stem_bn")(x)
        x = keras.layers.DepthwiseConv2D(3, padding="same", name="top_depthwise")(x)
        x = keras.layers.Conv2D(6, 1, name="pointwise")(x)
        return keras.Model(image, x, name="small")

    return get_backbone("small")


@pytest.mark.parametrize("name", ["views_zip", "views_before_zip"])
def test_tensors_of_both_formats_are_bit_equal_strides_and_offsets_followed(name, tmp_path) -> None:
    found = read_state_dict(written(name, tmp_path))
    expected = {key[6:]: REFERENCE[key] for key in REFERENCE if key.startswith("views/")}
    assert found.keys() == expected.keys()
    for key, tensor in expected.items():
        assert found[key].dtype == tensor.dtype, key
        np.testing.assert_array_equal(found[key], tensor, key)


@pytest.mark.parametrize("name", ["small_zip", "small_before_zip"])
def test_a_trunk_with_them_gives_what_pytorch_gives(small, name: str, tmp_path: Path) -> None:
    trunk = build_trunk(small, 8, str(written(name, tmp_path)))
    features = np.asarray(trunk(REFERENCE["small_image"], training=False))
    np.testing.assert_allclose(features, REFERENCE["small_features"], rtol=1e-5)


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("wider", r"layer stem_conv expects 3x3x3x4\. Received: 3x3x3x5 \(and 3 more\)"),
        ("deeper", "its layer conv2 of 1x1x6x6 and 6 is unknown there"),
    ],
)
def test_weights_of_another_variant_do_not_pass(small, name, problem, tmp_path) -> None:
    with pytest.raises(UserError, match=f"does not fit small: {problem}"):
        build_trunk(small, 8, str(written(name, tmp_path)))


def test_a_backbone_that_does_not_map_the_names_says_so(zoo, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"is PyTorch's, and tiny does not say .* add torch_names"):
        build_trunk(get_backbone("tiny"), 16, str(written("small_zip", tmp_path)))


@pytest.mark.parametrize("write", [before_zip, in_a_zip])
def test_code_in_a_file_is_refused_and_not_run(write, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = write({"weight": Malicious()}, tmp_path / "bad.pth")
    with pytest.raises(
        UserError, match=r"wants posix\.system, and a weights file may hold tensors"
    ):
        read_state_dict(path)
    assert not Path("executed").exists()


def test_a_saved_network_is_refused_as_it_names_its_own_classes(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"wants torch\.nn\..*: save the network's state_dict\(\)"):
        read_state_dict(written("whole_module", tmp_path))


@pytest.mark.parametrize("name", ["views_zip", "views_before_zip", "small_before_zip"])
def test_a_file_cut_anywhere_is_one_sentence(name: str, tmp_path: Path) -> None:
    path, whole = tmp_path / "cut.pth", REFERENCE[name].tobytes()
    for length in range(0, len(whole) - 1, 29):
        path.write_bytes(whole[:length])
        with pytest.raises(UserError, match=r"cut\.pth cannot be read as a PyTorch state dict \("):
            read_state_dict(path)


@pytest.mark.parametrize(
    ("write", "state", "options", "problem"),
    [
        (before_zip, [1, 2], {}, "it holds no dictionary of tensors but list"),
        (in_a_zip, {"epoch": 3}, {}, "epoch is no tensor but int"),
        (before_zip, {}, {"little_endian": False}, "not begin as one of a little-endian machine"),
        (in_a_zip, {}, {"compression": zipfile.ZIP_DEFLATED}, "compressed, which PyTorch never"),
    ],
)
def test_what_is_no_state_dict_is_one_sentence(write, state, options, problem, tmp_path) -> None:
    with pytest.raises(UserError, match=problem):
        read_state_dict(write(state, tmp_path / "odd.pt", **options))


@pytest.mark.parametrize("odd", [b"K\x12K\x02K\x04\x86", b"K\x10K\xffK\xff\x86"])
def test_a_view_that_leaves_its_array_is_refused(odd: bytes, tmp_path: Path) -> None:
    """Neither memory beside the array is read nor more than the file holds is asked for."""
    whole = REFERENCE["views_before_zip"].tobytes()
    with_offset = b"K\x10K\x02K\x04\x86"  # as pickled: the offset 16, then the shape (2, 4)
    assert whole.count(with_offset) == 1
    path = tmp_path / "odd.pth"
    path.write_bytes(whole.replace(with_offset, odd))
    with pytest.raises(UserError, match=r"cannot be read as a PyTorch state dict \("):
        read_state_dict(path)
