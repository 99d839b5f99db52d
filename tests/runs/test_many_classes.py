"""Three hundred classes, some of five images, through every step: train, judge, serve, describe.

The rare classes weigh as much as the others, and the gate goes by balanced accuracy.
"""

from __future__ import annotations

import io

import numpy as np
import pytest
from colour_project import ColourProject
from rich.console import Console

from model_zoo.data import store as data_store
from model_zoo.errors import UserError
from model_zoo.predictor import load_classifier
from model_zoo.registry.client import connect
from model_zoo.registry.versions import find_alias
from model_zoo.runs.scorecard import print_scorecard
from model_zoo.runs.steps import STEPS
from model_zoo.settings import Serving


def test_every_step_ends_and_facts_stay_small(patterns: ColourProject) -> None:
    facts = patterns.run.facts
    assert list(facts) == list(STEPS)
    measured = facts["evaluate"]
    assert len(measured["per_class"]) == 300
    assert len(measured["confusion"]) == len(measured["confused_classes"]) == 20
    assert len(measured["confused_pairs"]) <= 100
    assert measured["balanced_accuracy"] > 0.2, "three hundred classes: chance is 0.003"
    assert "balanced accuracy" in measured["summary"] and "macro F1" in measured["summary"]


def test_training_chooses_by_balanced_accuracy(patterns: ColourProject) -> None:
    facts = patterns.run.facts
    curve = [epoch["val_balanced_accuracy"] for epoch in facts["train"]["history"]]
    assert int(np.argmax(curve)) + 1 == facts["train"]["best_epoch"]
    assert f"validation balanced accuracy {max(curve):.2%}" in facts["train"]["summary"]
    client = connect(patterns.store)
    version = find_alias(patterns.store, "production")
    assert version is not None
    run = client.get_run(version.run_id).data
    assert run.params["training.class_weights"] == "balanced"
    assert run.params["judging.metric"] == "balanced_accuracy"
    assert run.metrics["val_balanced_accuracy_best"] == pytest.approx(max(curve))
    assert run.metrics["test_macro_f1"] == pytest.approx(facts["evaluate"]["macro_f1"])
    assert not any(name.startswith("test_f1_") for name in run.metrics), "a list of 300"


def test_the_gate_says_what_it_goes_by_and_what_it_cannot_judge(patterns: ColourProject) -> None:
    report = patterns.run.facts["gate"]["report"]
    assert "| floor | passed | balanced accuracy" in report
    version = find_alias(patterns.store, "production")
    assert version is not None and version.tags["judged_by"] == "balanced_accuracy"
    assert float(version.tags["macro_f1"]) == pytest.approx(
        patterns.run.facts["evaluate"]["macro_f1"], abs=1e-4
    )


def test_heatmaps_are_of_the_five_most_likely_classes(patterns: ColourProject) -> None:
    classifier = load_classifier(patterns.store, Serving.load(), patterns.places.cache_dir)
    snapshot = patterns.run.facts["ingest"]["dataset"]
    test = data_store.load(patterns.places.datasets_dir, snapshot, "test")
    for one in classifier.predict(test.images[:20]):
        order = np.argsort(-one.probabilities, kind="stable")[:5]
        assert one.explained == tuple(classifier.labels[place] for place in order)
        assert one.heatmaps.shape == (5, 4, 4)
        np.testing.assert_array_equal(one.heatmap, one.heatmap_of(one.label))
        last = classifier.labels[int(one.probabilities.argmin())]
        with pytest.raises(UserError, match="not among the 5 most likely of 300 classes"):
            one.heatmap_of(last)
    with pytest.raises(UserError, match=r"choose one of pattern 000, .* and 280 more"):
        one.heatmap_of("a face")


def test_exported_files_agree_however_many_classes(patterns: ColourProject) -> None:
    formats = {one["format"]: one for one in patterns.run.facts["register"]["formats"]}
    assert formats["onnx"]["attached"] and formats["litert-float32"]["attached"]
    assert formats["litert-float32"]["largest_difference"] < 1e-3


def test_the_card_is_cut_and_says_how_little_one_image_proves(patterns: ColourProject) -> None:
    version = find_alias(patterns.store, "production")
    assert version is not None
    client = connect(patterns.store)
    card = client.get_model_version(patterns.store.model, version.version).description
    assert "Test images a class: 1 to 3" in card and "as low as 21%" in card
    assert "The other 290 classes are in `evaluation/test.json`" in card
    assert card.count("| pattern ") == 10 and len(card) < 5000, "what MLflow keeps"
    assert "the 5 most likely classes" in card and "judged by balanced accuracy" in card


def test_the_scorecard_is_cut_and_says_the_same(patterns: ColourProject) -> None:
    file = io.StringIO()
    print_scorecard(patterns.project, patterns.places, "first", Console(file=file, width=160))
    said = file.getvalue()
    assert "Balanced accuracy" in said and "Macro F1" in said and "Test images a class: 1" in said
    assert said.count("pattern ") < 30 and "280 more" in said
