"""What a picture is like among the training images: a bounded sample that lies with the version."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from first_run import FirstRun

from model_zoo.errors import UserError
from model_zoo.predictor import ServedClassifier
from model_zoo.predictor.neighbours import balanced, neighbours_of, read_sample
from model_zoo.registry.store import Store
from model_zoo.registry.versions import find_alias


def test_each_class_has_its_share_and_a_rare_one_is_whole() -> None:
    labels = np.repeat([0, 1, 2], [500, 80, 3])
    rows = balanced(labels, 100, seed=1)
    assert np.bincount(labels[rows]).tolist() == [49, 48, 3]
    assert len(set(rows.tolist())) == 100
    assert balanced(labels, 1000, seed=1).tolist() == list(range(583))


def test_a_version_has_its_sample_and_a_training_image_finds_its_own_class(
    store: Store, first_run: FirstRun, tmp_path: Path
) -> None:
    version = find_alias(store, "production")
    assert version is not None
    found = neighbours_of(store, version, tmp_path)
    assert found is not None and len(set(found.labels)) == 10 and len(found.labels) == 1000
    assert (tmp_path / "neighbours" / f"{version.run_id}.npz").stat().st_size < 6 * 2**20
    itself = found.nearest(found.embeddings[17].astype(np.float32), count=3)
    assert itself[0].label == found.labels[17] and itself[0].likeness == pytest.approx(1, abs=1e-2)
    assert itself[0].picture.startswith(b"\xff\xd8")
    assert found.nearest(np.zeros(3)) == [], "an embedding of another version is like nothing"

    classifier = ServedClassifier(first_run.folder / "served", "1", {})
    image = np.zeros((1, *classifier.array_shape), np.uint8)
    probabilities, embeddings = classifier.answers_of(image)
    np.testing.assert_allclose(probabilities, classifier.probabilities(image), atol=1e-6)
    assert len(found.nearest(embeddings[0])) == 5


def test_a_damaged_sample_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "cut.npz").write_bytes(b"PK\x03\x04")
    with pytest.raises(UserError, match="is damaged"):
        read_sample(tmp_path / "cut.npz")
