"""Figures as the JSON that the browser draws."""

import json
import sys
from types import ModuleType

import numpy as np
import pytest
from dash import Dash, Input, Output, html

from dash_app.page.figures import accuracy_by_class, bars, curves, graph, reliability
from model_zoo.predictor import Prediction

SURE = Prediction(
    label="Shirt",
    confidence=0.8,
    labels=("Coat", "Shirt"),
    probabilities=np.array([0.2, 0.8]),
    image=np.zeros((28, 28), np.uint8),
    heatmap=np.zeros((7, 7), np.float32),
    heatmaps=np.zeros((2, 7, 7), np.float32),
    explained=("Shirt", "Coat"),
)


def test_the_most_likely_class_is_the_last_bar_and_stands_on_top() -> None:
    (trace,) = bars(SURE)["data"]
    assert trace["y"] == ["Coat", "Shirt"]
    assert trace["x"] == [0.2, 0.8]
    assert trace["text"] == ["20.0%", "80.0%"]


def test_reliability_leaves_out_bins_with_too_few_images() -> None:
    probabilities = np.tile([[0.05, 0.95]], (20, 1))
    labels = np.array([1] * 15 + [0] * 5)
    found = reliability(np.vstack([probabilities, [[0.5, 0.5]]]), np.append(labels, 1))["data"][1]
    assert (found["x"], found["y"]) == ([pytest.approx(0.95)], [0.75])
    assert found["text"] == ["20 images"]


def test_every_figure_is_sent_while_another_thread_still_imports_pandas(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As at the start: the MLflow client brings pandas while the first visitor is answered."""
    monkeypatch.setitem(sys.modules, "pandas", ModuleType("pandas"))
    history = [{"loss": 1.0, "val_loss": 0.9}]
    figures = [
        bars(SURE),
        curves(history, "loss", percent=False),
        accuracy_by_class(("Coat", "Shirt"), [("version 1", np.array([0.5, 1.0]), "red")]),
        reliability(np.tile([[0.05, 0.95]], (20, 1)), np.ones(20, int)),
    ]
    app = Dash("figures", suppress_callback_exceptions=True)
    app.layout = html.Div(id="here")

    @app.callback(Output("there", "children"), Input("here", "n_clicks"))
    def answer(_: int | None) -> list:
        return [graph(one, f"figure-{i}", "a figure") for i, one in enumerate(figures)]

    question = {
        "output": "there.children",
        "outputs": {"id": "there", "property": "children"},
        "inputs": [{"id": "here", "property": "n_clicks", "value": None}],
        "changedPropIds": [],
    }
    found = app.server.test_client().post("/_dash-update-component", json=question)
    assert found.status_code == 200
    assert len(json.loads(found.data)["response"]["there"]["children"]) == 4
