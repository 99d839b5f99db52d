"""What the network computes in: as told, or as measured."""

import re

from model_zoo.backbones import discover
from model_zoo.classifier import build_classifier, head_from
from model_zoo.config import Settings, load_settings
from model_zoo.data.fashion_mnist.source import FASHION_MNIST
from model_zoo.training import precision


def test_auto_takes_what_a_trial_on_this_machine_shows_to_be_faster(
    settings: Settings, monkeypatch
) -> None:
    discover(settings.plugins_dir)
    chosen = load_settings(precision="auto")
    made: list[str] = []

    def build():
        model = build_classifier(FASHION_MNIST, chosen, head_from(chosen))
        made.append(model.get_layer("dense_1").dtype_policy.name)
        return model

    said: list[str] = []
    monkeypatch.setattr(precision, "_has_bfloat16", lambda: True)
    policy = precision.choose_precision(chosen, build, said.append)
    assert made == ["float32", "mixed_bfloat16"]
    gain = float(re.search(r"bfloat16 is ([\d.]+) times as fast as float32", said[0])[1])
    assert policy == ("mixed_bfloat16" if gain >= precision.LEAST_GAIN else "float32")


def test_hardware_without_bfloat16_is_not_tried(settings: Settings, monkeypatch) -> None:
    monkeypatch.setattr(precision, "_has_bfloat16", lambda: False)
    assert precision.choose_precision(load_settings(precision="auto"), None) == "float32"


def test_what_is_asked_for_is_taken_untried(settings: Settings) -> None:
    asked = load_settings(precision="mixed_bfloat16")
    assert precision.choose_precision(asked, None) == "mixed_bfloat16"
