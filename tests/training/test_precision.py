"""What the network computes in: as told, or as measured."""

import re
from collections.abc import Callable

import keras
import pytest

from model_zoo.data.fashion_mnist.description import DATASET
from model_zoo.settings import Project
from model_zoo.training import precision
from model_zoo.training.phases import trained_network


def test_auto_takes_what_a_trial_on_this_machine_shows_to_be_faster(
    chosen: Callable[..., Project], monkeypatch: pytest.MonkeyPatch
) -> None:
    project = chosen()
    made: list[str] = []

    def build() -> keras.Model:
        model = trained_network(DATASET, project.model, project.training)
        made.append(model.get_layer("dense_1").dtype_policy.name)
        return model

    said: list[str] = []
    monkeypatch.setattr(precision, "_has_bfloat16", lambda: True)
    policy = precision.choose_precision("auto", build, said.append)
    assert made == ["float32", "mixed_bfloat16"]
    gain = float(re.search(r"bfloat16 is ([\d.]+) times as fast as float32", said[0])[1])
    assert policy == ("mixed_bfloat16" if gain >= precision.LEAST_GAIN else "float32")


def test_what_is_timed_is_a_step_of_training(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forwards alone, EfficientNet-Lite0 seems to gain by bfloat16, in which it trains slower."""
    seen: list[bool] = []

    class Noting(keras.layers.Layer):
        def call(self, inputs, training=None):
            seen.append(bool(training))
            return inputs

    def build() -> keras.Model:
        image = keras.Input((4,))
        return keras.Model(image, keras.layers.Dense(3, activation="softmax")(Noting()(image)))

    monkeypatch.setattr(precision, "_has_bfloat16", lambda: True)
    assert precision.choose_precision("auto", build, lambda said: None) in (
        precision.FLOAT32,
        precision.BFLOAT16,
    )
    assert seen.count(True) == 2, "traced once a policy"


def test_hardware_without_bfloat16_is_not_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "_has_bfloat16", lambda: False)
    assert precision.choose_precision("auto", None) == "float32"


def test_what_is_asked_for_is_taken_untried() -> None:
    assert precision.choose_precision("mixed_bfloat16", None) == "mixed_bfloat16"
