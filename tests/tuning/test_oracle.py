"""The oracle by itself: what it proposes, told results without any training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from model_zoo.backbones import discover
from model_zoo.settings import Places, load_project
from model_zoo.tuning.oracle import open_oracle, report
from model_zoo.tuning.trial import Result

BEST = {"dense_1": 512, "dense_2": 256, "dropout": 0.1 + 0.2}


def test_a_bayesian_search_tries_nothing_twice(
    places: Places, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A Gaussian process that is sure of a corner of the space proposes it again and again."""
    from keras_tuner.oracles import BayesianOptimizationOracle

    def sure(self: Any, trial_id: str) -> dict[str, Any]:
        return {"status": "RUNNING", "values": dict(BEST)}

    monkeypatch.setattr(BayesianOptimizationOracle, "populate_space", sure)
    discover(places.plugins_dir)
    given = {"search.algorithm": "bayesian", "search.trials": 8, "training.learning_rate": 0.001}
    oracle = open_oracle(load_project(None, given), tmp_path)
    tried = []
    while (trial := oracle.create_trial("one")).status == "RUNNING":
        values = dict(trial.hyperparameters.values)
        tried.append((values["dense_1"], values["dense_2"], round(values["dropout"], 3)))
        result = Result(str(trial.trial_id), values, "one", 0.0, 0.0, [{"val_accuracy": 0.5}])
        report(oracle, trial, result)
    assert tried[0] == (512, 256, 0.3)
    assert len(tried) == len(set(tried)) == 8, "no combination twice"
