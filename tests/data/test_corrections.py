"""Corrections: bounded, one a picture, read back for training."""

from pathlib import Path

import numpy as np
import pytest

from model_zoo.data.corrections import CorrectionRefused, CorrectionStore

LABELS = ("Coat", "Shirt")


def picture(value: int, *shape: int) -> np.ndarray:
    return np.full(shape or (28, 28), value, np.uint8)


@pytest.mark.parametrize("shape", [(28, 28), (40, 30, 3)])
def test_what_is_stored_is_read_back(tmp_path: Path, shape: tuple[int, ...]) -> None:
    corrections = CorrectionStore(tmp_path, limit=10)
    corrections.store(picture(7, *shape), "Shirt", 0.75, "3", "Coat", LABELS)
    (found,) = corrections.read()
    np.testing.assert_array_equal(found.image, picture(7, *shape))
    assert (found.predicted, found.confidence, found.version) == ("Shirt", 0.75, "3")
    assert found.corrected == "Coat" and found.received.endswith("+00:00")


def test_a_second_correction_of_a_picture_replaces_the_first(tmp_path: Path) -> None:
    corrections = CorrectionStore(tmp_path, limit=10)
    corrections.store(picture(7), "Shirt", 0.75, "3", "Coat", LABELS)
    corrections.store(picture(7), "Coat", 0.5, "4", "Shirt", LABELS)
    assert [one.corrected for one in corrections.read()] == ["Shirt"]


def test_it_is_bounded(tmp_path: Path) -> None:
    corrections = CorrectionStore(tmp_path, limit=2)
    for value in (1, 2, 2):
        corrections.store(picture(value), "Shirt", 0.75, "3", "Coat", LABELS)
    with pytest.raises(CorrectionRefused, match="2 corrections are kept already"):
        corrections.store(picture(3), "Shirt", 0.75, "3", "Coat", LABELS)
    assert corrections.count() == 2


def test_nothing_touches_the_disk_before_the_first(tmp_path: Path) -> None:
    corrections = CorrectionStore(tmp_path / "feedback", limit=2)
    assert corrections.count() == 0 and corrections.read() == []
    assert not (tmp_path / "feedback").exists()


def test_only_a_class_of_the_model_is_taken(tmp_path: Path) -> None:
    corrections = CorrectionStore(tmp_path, limit=2)
    with pytest.raises(CorrectionRefused, match="'Hat' is none of Coat, Shirt"):
        corrections.store(picture(3), "Shirt", 0.75, "3", "Hat", LABELS)
