"""Training that goes on from another version's weights: what is taken over, what is new."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from model_zoo.classifier import Head
from model_zoo.data.dataset import Images
from model_zoo.data.fashion_mnist.description import DATASET
from model_zoo.errors import UserError
from model_zoo.settings import Project
from model_zoo.training.feature_cache import FeatureCache
from model_zoo.training.phases import train_classifier
from model_zoo.training.setup import Design
from model_zoo.training.warm_start import Start, head_of

HEAD = Head(16, 8, 0.1, 1e-3)
RANDOM = np.random.default_rng(0)
IMAGES = Images(
    RANDOM.integers(0, 256, (40, 28, 28), np.uint8), (np.arange(40) % 10).astype(np.int32)
)


@pytest.fixture(scope="module")
def project(weights: str, chosen: Callable[..., Project]) -> Project:
    return chosen(
        recipe="finetune", model__weights=weights, model__unfrozen_blocks=1,
        training__epochs=1, training__head_epochs=1, training__precision="float32",
    )  # fmt: skip


def design(project: Project, labels: tuple[str, ...], start: Start | None = None) -> Design:
    return Design(
        replace(DATASET, labels=labels), project.model, project.training, HEAD, start=start
    )


@pytest.fixture(scope="module")
def start(project: Project, tmp_path_factory: pytest.TempPathFactory) -> Start:
    """A version whose every weight was changed, as training does."""
    model = design(project, DATASET.labels).network()
    model.set_weights([one + 1 for one in model.get_weights()])
    path = tmp_path_factory.mktemp("version") / "model.keras"
    model.save(path)
    return Start(path, DATASET.labels, "of this version")


def test_all_weights_are_the_versions_where_classes_agree(project: Project, start: Start) -> None:
    fresh = design(project, DATASET.labels).network()
    warm = design(project, DATASET.labels, start).network()
    for before, after in zip(fresh.get_weights(), warm.get_weights(), strict=True):
        np.testing.assert_array_equal(before + 1, after)


def test_old_classes_keep_their_rows_new_ones_begin_and_removed_ones_go(
    project: Project, start: Start
) -> None:
    labels = ("cape", *DATASET.labels[:0:-1])  # one is new, the first is gone, the order is other
    fresh, warm = (design(project, labels, one).network() for one in (None, start))
    old = design(project, DATASET.labels, start).network()
    (kernel, bias), (was, was_bias), (begun, begun_bias) = (
        one.get_layer("logits").get_weights() for one in (warm, old, fresh)
    )
    np.testing.assert_array_equal(kernel[:, 1:], was[:, :0:-1])
    np.testing.assert_array_equal(bias[1:], was_bias[:0:-1])
    np.testing.assert_array_equal(kernel[:, 0], begun[:, 0])
    assert bias[0] == begun_bias[0]


def test_the_head_is_read_from_the_file_without_keras(start: Start, tmp_path: Path) -> None:
    assert head_of(start.file, 1e-3) == HEAD
    (tmp_path / "model.keras").write_bytes(b"no archive")
    with pytest.raises(UserError, match="no classifier that training could go on from"):
        head_of(tmp_path / "model.keras", 1e-3)


def test_the_head_is_trained_alone_first_only_where_a_class_is_new_and_features_are_its_own(
    project: Project, start: Start, tmp_path: Path
) -> None:
    cache = FeatureCache(tmp_path / "features", 1.0)
    features = set()
    for begun, alone in ((None, True), (start, False)):
        said: list[str] = []
        train_classifier(
            DATASET, project.model, project.training, HEAD, IMAGES, IMAGES,
            tmp_path / str(alone), cache, lambda *_: None, said.append, start=begun,
        )  # fmt: skip
        assert any("head alone" in one for one in said) is alone
        features.add(frozenset((tmp_path / "features").glob("*.npy")))
    assert len(features) == 2, "no features of other layers are read"
    assert design(project, ("cape", *DATASET.labels[1:]), start).head_is_new
