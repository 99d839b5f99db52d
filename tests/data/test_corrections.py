"""Corrections: bounded, one a picture, switched off by a setting, read back for training."""

from pathlib import Path

import numpy as np
import pytest

from model_zoo.config import load_settings
from model_zoo.data.corrections import FeedbackRefused, read_corrections, store_correction

LABELS = ("Coat", "Shirt")


def picture(value: int) -> np.ndarray:
    return np.full((28, 28), value, np.uint8)


def test_what_is_stored_is_read_back(tmp_path: Path) -> None:
    settings = load_settings(home=tmp_path)
    store_correction(settings, picture(7), "Shirt", 0.75, "3", "Coat", LABELS)
    (found,) = read_corrections(settings)
    np.testing.assert_array_equal(found.image, picture(7))
    assert (found.predicted, found.confidence, found.version) == ("Shirt", 0.75, "3")
    assert found.corrected == "Coat" and found.received.endswith("+00:00")


def test_a_second_correction_of_a_picture_replaces_the_first(tmp_path: Path) -> None:
    settings = load_settings(home=tmp_path)
    store_correction(settings, picture(7), "Shirt", 0.75, "3", "Coat", LABELS)
    store_correction(settings, picture(7), "Coat", 0.5, "4", "Shirt", LABELS)
    assert [one.corrected for one in read_corrections(settings)] == ["Shirt"]


def test_it_is_bounded_and_can_be_switched_off(tmp_path: Path) -> None:
    settings = load_settings(home=tmp_path, feedback_limit=2)
    for value in (1, 2, 2):
        store_correction(settings, picture(value), "Shirt", 0.75, "3", "Coat", LABELS)
    with pytest.raises(FeedbackRefused, match="2 corrections are kept already"):
        store_correction(settings, picture(3), "Shirt", 0.75, "3", "Coat", LABELS)
    off = load_settings(home=tmp_path / "off", feedback=False)
    with pytest.raises(FeedbackRefused, match="switched off"):
        store_correction(off, picture(3), "Shirt", 0.75, "3", "Coat", LABELS)
    assert not (tmp_path / "off").exists(), "nothing touches the disk"


def test_only_a_class_of_the_model_is_taken(tmp_path: Path) -> None:
    settings = load_settings(home=tmp_path)
    with pytest.raises(FeedbackRefused, match="'Hat' is none of Coat, Shirt"):
        store_correction(settings, picture(3), "Shirt", 0.75, "3", "Hat", LABELS)
