"""Unbalanced classes: what an image counts, and the figure by which an epoch is chosen."""

from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, f1_score
from sklearn.utils.class_weight import compute_class_weight

from model_zoo.class_figures import counts, from_counts
from model_zoo.classifier import Head
from model_zoo.data.dataset import Dataset
from model_zoo.settings import ModelSettings, Project, TrainingSettings
from model_zoo.training.batches import in_batches
from model_zoo.training.class_weights import weights_of_classes
from model_zoo.training.features import Features
from model_zoo.training.fit import fit
from model_zoo.training.optimizer import compile_classifier
from model_zoo.training.plan import Plan
from model_zoo.tuning.examples import TrialExamples, keep_examples
from model_zoo.tuning.oracle import open_oracle
from model_zoo.tuning.trial import WEIGHTS, read_result, run_trial, trial_folder

RARE = np.repeat([0, 1, 2], [180, 15, 5]).astype(np.int32)


def features(seed: int) -> Features:
    """Three classes that overlap: without weights the rare ones are never named."""
    random = np.random.default_rng(seed)
    made = np.eye(3)[RARE] + random.normal(0, 0.8, (len(RARE), 3))
    order = random.permutation(len(RARE))
    return Features((made[order].astype(np.float16),), RARE[order])


def compiled(training: TrainingSettings, metric: str = "accuracy") -> keras.Model:
    keras.utils.set_random_seed(1)
    given = keras.Input((3,))
    model = keras.Model(given, keras.layers.Dense(3, activation="softmax")(given))
    head = Head(8, 8, 0.0, 0.05)
    return compile_classifier(model, ModelSettings(weights="none"), training, head, 1000, metric)


def trained(folder: Path, weights: np.ndarray | None, plan: Plan, **settings: object):
    training = TrainingSettings(lr_schedule="exponential", **settings)
    return fit(
        lambda steps: compiled(training, plan.metric), features(0), features(1), plan, folder,
        class_weights=weights, say=lambda sentence: None,
    )  # fmt: skip


def test_balanced_weights_are_those_of_scikit_learn_and_1_in_the_mean() -> None:
    found = weights_of_classes("balanced", RARE, 4)
    expected = compute_class_weight("balanced", classes=np.arange(3), y=RARE)
    np.testing.assert_allclose(found, [*expected, 1.0], rtol=1e-6)
    assert found[RARE].mean() == pytest.approx(1), "the learning rate means what it meant"
    assert weights_of_classes("none", RARE, 4) is None


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_the_loss_is_the_weighted_mean_smoothed_or_not_and_accuracy_is_not_weighted(
    smoothing: float,
) -> None:
    model = compiled(TrainingSettings(label_smoothing=smoothing))
    shown, weights = features(0), weights_of_classes("balanced", RARE, 3)
    inputs = shown.inputs(np.arange(len(RARE)), 0)
    found = model.evaluate(
        **in_batches(inputs, shown.labels, 50, weights=weights), return_dict=True, verbose=0
    )
    said = np.asarray(model(inputs))
    wanted = np.eye(3)[shown.labels] * (1 - smoothing) + smoothing / 3
    losses = -(wanted * np.log(said)).sum(axis=1)
    assert found["loss"] == pytest.approx((weights[shown.labels] * losses).mean(), rel=1e-4)
    assert found["accuracy"] == pytest.approx((said.argmax(axis=1) == shown.labels).mean())


def test_figures_of_classes_are_those_of_scikit_learn() -> None:
    said = np.random.default_rng(0).integers(0, 3, len(RARE))
    found = from_counts(*counts(RARE, said, 3))
    assert found["balanced_accuracy"] == pytest.approx(balanced_accuracy_score(RARE, said))
    assert found["macro_f1"] == pytest.approx(f1_score(RARE, said, average="macro"))


def test_balanced_weights_recognise_rare_classes_from_kept_features(tmp_path: Path) -> None:
    plan = Plan(epochs=15, batch_size=20, patience=0, seed=1, metric="balanced_accuracy")
    weights = weights_of_classes("balanced", RARE, 3)
    _, plain = trained(tmp_path / "plain", None, plan)
    _, balanced = trained(tmp_path / "balanced", weights, plan, label_smoothing=0.1)
    assert balanced.best_value > plain.best_value + 0.1
    assert balanced.best_accuracy < plain.best_accuracy, "what common classes pay for it"


def test_the_best_epoch_is_best_in_the_metric_over_all_segments_of_validation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("model_zoo.training.fit.SEGMENT_STEPS", 3)
    plan = Plan(epochs=4, batch_size=20, patience=0, seed=1, metric="macro_f1")
    model, progress = trained(tmp_path, weights_of_classes("balanced", RARE, 3), plan)
    curve = [epoch["val_macro_f1"] for epoch in progress.history]
    assert progress.best_value == max(curve) == curve[progress.best_epoch]
    held_out = features(1)
    said = np.asarray(model(held_out.inputs(np.arange(len(RARE)), 0))).argmax(axis=1)
    assert progress.best_value == pytest.approx(f1_score(held_out.labels, said, average="macro"))


def test_a_trial_is_weighted_and_ranked_alike(
    chosen: Callable[..., Project], tmp_path: Path
) -> None:
    project = chosen(
        judging__metric="macro_f1", training__class_weights="balanced", search__epochs=3,
        search__patience=1, search__algorithm="hyperband", training__learning_rate=0.03,
    )  # fmt: skip
    shown, held_out = features(0), features(1)
    given = [(np.asarray(one.views[0], np.float32), one.labels) for one in (shown, held_out)]
    keep_examples(tmp_path, TrialExamples(given[0], given[1], True, "float32"))
    three = Dataset("three", ("a", "b", "c"), (8, 8, 1), ("fit",))
    values = {"dense_1": 32, "dense_2": 16, "dropout": 0.0}
    trial_folder(tmp_path, "1").mkdir(parents=True)
    run_trial(project, three, tmp_path, "1", values, "here", say=lambda sentence: None)
    result = read_result(tmp_path, "1")
    assert result is not None and result.objective == "val_macro_f1"
    assert result.best == max(epoch["val_macro_f1"] for epoch in result.curve)
    assert (trial_folder(tmp_path, "1") / WEIGHTS).exists(), "the best epoch by the same figure"
    oracle = open_oracle(project, tmp_path / "oracle")
    assert oracle.objective.name == "val_macro_f1" and oracle.objective.direction == "max"
