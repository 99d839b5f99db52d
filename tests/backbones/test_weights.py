"""Where weights come from: published, a file of three kinds, none; what does not fit is named."""

import hashlib
from pathlib import Path

import keras
import pytest
from made_weights import differing, same, tiny_classifier, write_older

from model_zoo.backbones import (
    build_trunk,
    get_backbone,
    register_backbone,
    weights_origin,
)
from model_zoo.errors import UserError
from model_zoo.registry.client import connect
from model_zoo.registry.run_files import find_runs
from model_zoo.registry.run_log import RUN_TAG
from model_zoo.registry.store import store_of
from model_zoo.runs import runner
from model_zoo.runs.folder import open_run
from model_zoo.settings import Places, load_project

SHAPE = (32, 32, 3)


@pytest.fixture
def tiny(zoo):
    return get_backbone("tiny")


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        *(("tiny", kind) for kind in ("trunk.weights.h5", "trunk.keras", "trunk_notop.h5")),
        ("vit_tiny", "trunk.weights.h5"),  # has layers inside layers
    ],
)
def test_a_file_of_each_kind_gives_the_same_trunk(zoo, tmp_path, name: str, kind: str) -> None:
    backbone = get_backbone(name)
    saved = differing(build_trunk(backbone, 16, "none"))
    path = tmp_path / kind
    if kind.endswith("_notop.h5"):
        write_older(saved, path)
    elif kind.endswith(".keras"):
        saved.compile("adam", "mse")
        saved.optimizer.build(saved.trainable_variables)
        saved.save(path)
    else:
        saved.save_weights(path)
    assert same(build_trunk(backbone, 16, str(path)), saved)


def test_a_trunk_is_taken_out_of_an_earlier_classifier(tiny, tmp_path: Path) -> None:
    classifier = tiny_classifier()
    differing(classifier.get_layer("tiny"))
    classifier.save(tmp_path / "model.keras")
    loaded = build_trunk(tiny, 32, str(tmp_path / "model.keras"))
    assert same(loaded, classifier.get_layer("tiny"))


def test_what_keras_applications_publishes_fits(zoo, tmp_path: Path) -> None:
    """Its own loader and ours read one file alike."""
    published = keras.applications.MobileNetV3Small(
        input_shape=SHAPE, include_top=False, weights=None
    )
    path = write_older(differing(published), tmp_path / "mobilenet_notop.h5")
    theirs = keras.applications.MobileNetV3Small(
        input_shape=SHAPE, include_top=False, weights=str(path)
    )
    assert same(theirs, published)
    assert same(build_trunk(get_backbone("mobilenet_v3_small"), 32, str(path)), published)


def test_a_misfit_says_which_layer_and_which_shapes(tiny, tmp_path: Path) -> None:
    path = tmp_path / "trunk.weights.h5"

    def save(width: int, second: str = "block2_conv") -> None:
        image = keras.Input(SHAPE)
        x = keras.layers.Conv2D(16, 3, name="block1_conv")(image)
        x = keras.layers.BatchNormalization(name="block1_bn")(x)
        x = keras.layers.Conv2D(width, 3, name=second)(x)
        x = keras.layers.BatchNormalization(name="block2_bn")(x)
        keras.Model(image, x, name="tiny").save_weights(path)

    save(width=24)
    with pytest.raises(UserError) as caught:
        build_trunk(tiny, 32, str(path))
    assert (
        "does not fit tiny: layer block2_conv expects 3x3x16x32 and 32. "
        "Received: 3x3x16x24 and 24 (and 1 more)" in str(caught.value)
    )
    save(width=32, second="block3_conv")
    with pytest.raises(UserError, match="no layer block2_conv, which expects 3x3x16x32 and 32"):
        build_trunk(tiny, 32, str(path))


def test_a_file_of_a_larger_network_does_not_pass(tiny, tmp_path: Path) -> None:
    trunk = build_trunk(tiny, 32, "none")
    x = keras.layers.Conv2D(8, 1, name="block3_conv")(trunk.output)
    keras.Model(trunk.input, x, name="tiny").save_weights(tmp_path / "large.weights.h5")
    with pytest.raises(UserError, match="its layer block3_conv of 1x1x32x8 and 8 is unknown"):
        build_trunk(tiny, 32, str(tmp_path / "large.weights.h5"))


@pytest.mark.parametrize(
    ("file", "content", "problem"),
    [
        ("trunk.onnx", b"", "is no weights file: expected one that ends in .weights.h5, .keras"),
        ("trunk.weights.h5", b"not HDF5", "cannot be read as a weights file"),
        ("trunk.keras", b"not a zip", "cannot be read as a weights file"),
        (None, b"", "expected imagenet, none or the path of a file that exists"),
    ],
)
def test_what_is_no_weights_file_is_one_sentence(tiny, tmp_path, file, content, problem) -> None:
    path = tmp_path / (file or "absent.weights.h5")
    if file:
        path.write_bytes(content)
    with pytest.raises(UserError, match=problem):
        build_trunk(tiny, 32, str(path))


def test_a_backbone_without_published_weights_says_so(zoo) -> None:
    with pytest.raises(UserError, match="wrn_16_4 has no published weights: set weights to none"):
        build_trunk(get_backbone("wrn_16_4"), 32, "imagenet")


def test_an_image_too_small_says_so(zoo) -> None:
    with pytest.raises(UserError, match="needs images of at least 32 pixels"):
        build_trunk(get_backbone("resnet50"), 28, "none")
    with pytest.raises(UserError, match=r"a multiple of 4. Received: image_size 30"):
        build_trunk(get_backbone("vit_tiny"), 30, "none")


@pytest.mark.parametrize(
    "name",
    [
        *("resnet50", "resnet50v2", "mobilenet_v2"),
        *("mobilenet_v3_small", "efficientnet_b0", "efficientnet_v2_b0"),
    ],
)
def test_published_weights_come_through_keras_loader_under_the_name_that_is_told(
    zoo, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Up to the download, which is Keras' own; offline it ends in one sentence."""
    asked = []

    def offline(file: str, origin: str, **options: object) -> str:
        asked.append((file, origin, options))
        raise Exception(f"URL fetch failure on {origin}: None -- unreachable")

    monkeypatch.setattr("keras.src.utils.file_utils.get_file", offline)
    backbone = get_backbone(name)
    with pytest.raises(UserError, match=f"{name} .*are not in the Keras cache and cannot be"):
        build_trunk(backbone, 32, "imagenet")
    ((file, origin, options),) = asked
    assert file == backbone.weights_file and origin.endswith(file)
    assert options["cache_subdir"] == "models"
    # MobileNetV2 is the one whose checksum Keras does not know; ours is recorded on the run.
    assert ("file_hash" in options) == (name != "mobilenet_v2")


def test_the_origin_of_published_weights_is_the_cached_file(
    zoo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("keras.src.backend.config._KERAS_DIR", str(tmp_path))
    backbone = get_backbone("mobilenet_v3_small")
    network = differing(build_trunk(backbone, 32, "none"))
    (tmp_path / "models").mkdir()
    cached = write_older(network, tmp_path / "models" / backbone.weights_file)
    digest = hashlib.md5(cached.read_bytes()).hexdigest()
    hashes = {"small_224_1.0_float": ("", digest)}  # stands for the file that cannot be had here
    monkeypatch.setattr("keras.src.applications.mobilenet_v3.WEIGHTS_HASHES", hashes)
    assert same(build_trunk(backbone, 32, "imagenet"), network)
    assert weights_origin(backbone, "imagenet") == {
        "weights_source": "ImageNet-1k, Keras Applications",
        "weights_licence": "Apache-2.0",
        "weights_file": str(cached),
        "weights_sha256": hashlib.sha256(cached.read_bytes()).hexdigest(),
    }


def test_a_wrong_name_of_the_cached_file_is_said(
    empty_registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("keras.src.backend.config._KERAS_DIR", str(tmp_path))
    options = {"native_size": 8, "smallest_size": 8, "blocks": ["a"], "weights_source": "us"}
    register_backbone(name="mine", weights_file="no.h5", **options)(lambda shape, weights: None)
    with pytest.raises(UserError, match=r"keeps no no\.h5: correct weights_file in .*test_weights"):
        weights_origin(get_backbone("mine"), "imagenet")


def test_any_other_failure_of_a_builder_is_not_taken_for_being_offline(empty_registry) -> None:
    def build(input_shape: tuple, weights: str | None) -> keras.Model:
        raise ValueError("a mistake in the plugin")

    options = {"native_size": 8, "smallest_size": 8, "blocks": ["a"], "weights_source": "us"}
    register_backbone(name="wrong", weights_file="no.h5", **options)(build)
    with pytest.raises(ValueError, match="a mistake in the plugin"):
        build_trunk(get_backbone("wrong"), 32, "imagenet")


def test_the_run_records_source_and_checksum(
    tiny, places: Places, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, another_store: None
) -> None:
    build_trunk(tiny, 28, "none").save_weights(tmp_path / "trunk.weights.h5")
    monkeypatch.chdir(tmp_path)
    given = {
        "data.source": "colours",  # needs no files
        "data.train_limit": 100,
        "model.weights": "trunk.weights.h5",
        "search.trials": 0,
        "training.epochs": 1,
    }
    project = load_project(given=given)
    weights = tmp_path / "trunk.weights.h5"
    assert project.model.weights == str(weights), "found from any folder"
    home = places.model_copy(update={"home": tmp_path / "home"})
    for step in ("ingest", "preprocess", "tune", "train"):
        runner.run_step(step, project, home, "from-file")
    identity = open_run(project, home, "from-file").identity
    store = store_of(project, home)
    (run_id,) = find_runs(store, RUN_TAG, identity)
    tags = connect(store).get_run(run_id).data.tags
    assert tags["weights_source"] == "file" and tags["weights_file"] == str(weights)
    assert tags["weights_sha256"] == hashlib.sha256(weights.read_bytes()).hexdigest()
