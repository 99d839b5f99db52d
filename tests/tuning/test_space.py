"""What is searched, and how a candidate reaches the model."""

import pytest

from model_zoo import backbones
from model_zoo.classifier import build_classifier, head_from
from model_zoo.config import Settings, load_settings
from model_zoo.data.fashion_mnist.source import FASHION_MNIST
from model_zoo.training.optimizer import compile_classifier
from model_zoo.tuning.space import candidate_from, declare

HEAD = ["dense_1", "dense_2", "dropout"]


@pytest.fixture(autouse=True)
def zoo(settings: Settings) -> None:
    backbones.discover(settings.plugins_dir)


@pytest.mark.parametrize(
    ("overrides", "names"),
    [
        ({"learning_rate": 0.001}, HEAD),
        ({"search_weight_decay": True}, [*HEAD, "weight_decay"]),
        ({"search_unfrozen_blocks": True, "weights": "imagenet"}, [*HEAD, "unfrozen_blocks"]),
        ({"search_unfrozen_blocks": True, "weights": "none"}, HEAD),
    ],
)
def test_the_space_is_what_the_settings_ask_for(overrides: dict, names: list[str]) -> None:
    space = declare(load_settings(**overrides))
    assert [one.name for one in space.space] == names


def test_the_learning_rate_is_searched_logarithmically_unless_it_is_set(monkeypatch) -> None:
    monkeypatch.delenv("CATWALK_LEARNING_RATE")
    rate = declare(load_settings()).space[-1]
    assert rate.name == "learning_rate" and rate.sampling == "log"


def test_no_more_blocks_are_unfrozen_than_there_are() -> None:
    chosen = load_settings(search_unfrozen_blocks=True, weights="imagenet")
    assert declare(chosen).space[-1].max_value == 2  # tiny has two


def test_a_candidate_changes_the_settings_of_the_run() -> None:
    values = {"dense_1": 64, "dense_2": 32, "dropout": 0.1 + 0.2, "tuner/epochs": 2}
    searched = {"weight_decay": 0.001, "unfrozen_blocks": 0}
    chosen = load_settings(learning_rate=0.002)
    candidate = candidate_from(values | searched, chosen)
    assert candidate.as_dict() == {
        "dense_1": 64, "dense_2": 32, "dropout": 0.3, "learning_rate": 0.002
    } | searched  # fmt: skip
    applied = candidate.applied_to(chosen)
    assert (applied.weight_decay, applied.unfrozen_blocks) == (0.001, 0)
    assert applied.epochs == chosen.epochs


def test_weight_decay_shrinks_weights_that_get_no_gradient() -> None:
    import numpy as np

    chosen = load_settings(weight_decay=0.5, learning_rate=0.1, warmup_share=0)
    head = head_from(chosen)
    model = build_classifier(FASHION_MNIST, chosen, head)
    model = compile_classifier(model, chosen, head, steps=1)
    kernel = model.get_layer("logits").kernel
    before = np.abs(kernel.numpy()).sum()
    for layer in model.layers:
        layer.trainable = layer.name == "logits"
    model.optimizer.build(model.trainable_variables)
    model.optimizer.apply([kernel * 0, model.get_layer("logits").bias * 0])
    assert np.abs(kernel.numpy()).sum() < 0.97 * before
