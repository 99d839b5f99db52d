"""What is searched, and how a candidate reaches the model."""

from typing import Any

import numpy as np
import pytest

from model_zoo.backbones import discover
from model_zoo.classifier import head_from
from model_zoo.data.fashion_mnist.description import DATASET
from model_zoo.settings import Places, Project, load_project
from model_zoo.training.setup import Design
from model_zoo.tuning.space import candidate_from, declare

HEAD = ["dense_1", "dense_2", "dropout"]


@pytest.fixture(autouse=True)
def zoo(places: Places) -> None:
    discover(places.plugins_dir)


def chosen(**given: Any) -> Project:
    return load_project(None, {name.replace("__", "."): value for name, value in given.items()})


@pytest.mark.parametrize(
    ("given", "names"),
    [
        ({"training__learning_rate": 0.001}, HEAD),
        ({"search__weight_decay": True}, [*HEAD, "weight_decay"]),
        (
            {"search__unfrozen_blocks": True, "model__weights": "imagenet"},
            [*HEAD, "unfrozen_blocks"],
        ),
        ({"search__unfrozen_blocks": True, "model__weights": "none"}, HEAD),
    ],
)
def test_the_space_is_what_the_settings_ask_for(given: dict[str, Any], names: list[str]) -> None:
    assert [one.name for one in declare(chosen(**given)).space] == names


def test_the_learning_rate_is_searched_logarithmically_unless_it_is_set(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("CATWALK_TRAINING__LEARNING_RATE")
    rate = declare(chosen()).space[-1]
    assert rate.name == "learning_rate" and rate.sampling == "log"


def test_no_more_blocks_are_unfrozen_than_there_are() -> None:
    space = declare(chosen(search__unfrozen_blocks=True, model__weights="imagenet")).space
    assert space[-1].max_value == 2  # tiny has two


def test_a_candidate_changes_the_settings_of_the_run() -> None:
    values = {"dense_1": 64, "dense_2": 32, "dropout": 0.1 + 0.2, "tuner/epochs": 2}
    project = chosen(training__learning_rate=0.002)
    candidate = candidate_from(values | {"weight_decay": 0.001, "unfrozen_blocks": 0}, project)
    searched = {"training.weight_decay": 0.001, "model.unfrozen_blocks": 0}
    assert candidate.as_dict() == {
        "dense_1": 64, "dense_2": 32, "dropout": 0.3, "learning_rate": 0.002
    } | searched  # fmt: skip
    applied = candidate.applied_to(project)
    assert (applied.training.weight_decay, applied.model.unfrozen_blocks) == (0.001, 0)
    assert applied.training.epochs == project.training.epochs


def test_weight_decay_shrinks_weights_that_get_no_gradient() -> None:
    project = chosen(
        training__weight_decay=0.5, training__learning_rate=0.1, training__warmup_share=0
    )
    head = head_from(project.model, project.training)
    design = Design(DATASET, project.model, project.training, head)
    network = design.network()
    for layer in network.layers:
        layer.trainable = layer.name == "logits"
    model = design.compiled(network, steps=1)
    kernel = model.get_layer("logits").kernel
    before = np.abs(kernel.numpy()).sum()
    model.optimizer.apply([kernel * 0, model.get_layer("logits").bias * 0])
    assert np.abs(kernel.numpy()).sum() < 0.97 * before
