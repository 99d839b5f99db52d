"""The page's Plotly figures. Colours of text and lines come from page.css, light or dark."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go
from dash import dcc, html

from model_zoo.predictor import Prediction

ACCENT, QUIET, OTHER = "#12b886", "#adb5bd", "#f76707"
BARS_HEIGHT = 330
PLAIN: Any = {"displayModeBar": False, "responsive": True}


def graph(figure: go.Figure | None, name: str, description: str) -> Any:
    """A figure with a name for screen readers; without one yet, room for :func:`bars`."""
    height = figure.layout.height if figure else BARS_HEIGHT
    return html.Div(
        dcc.Graph(
            figure=figure or {},
            config=PLAIN,
            id=name,
            className="figure",
            style={"height": f"{height}px"},
        ),
        role="figure",
        **{"aria-label": description},  # type: ignore[arg-type]
    )


def styled(figure: go.Figure, height: int, **layout: object) -> go.Figure:
    figure.update_layout(
        margin={"l": 8, "r": 16, "t": 8, "b": 8},
        height=height,
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"family": "inherit", "size": 13},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        **layout,
    )
    return figure


def bars(prediction: Prediction, colour: str = ACCENT) -> go.Figure:
    """Calibrated confidence of each class, the most likely on top."""
    order = prediction.probabilities.argsort()
    shares = prediction.probabilities[order]
    figure = go.Figure(
        go.Bar(
            x=shares,
            y=[prediction.labels[i] for i in order],
            orientation="h",
            marker={"color": [colour if i == order[-1] else QUIET for i in order],
                    "cornerradius": 4},
            text=[f"{share:.1%}" for share in shares],
            textposition="outside",
            cliponaxis=False,
            hovertemplate="%{y}: %{x:.2%}<extra></extra>",
        )
    )  # fmt: skip
    return styled(
        figure,
        BARS_HEIGHT,
        xaxis={"range": [0, 1.12], "visible": False, "fixedrange": True},
        yaxis={"automargin": True, "fixedrange": True, "ticksuffix": "  "},
        bargap=0.35,
    )


def curves(history: list[dict[str, float]], metric: str, percent: bool) -> go.Figure:
    """One metric by epoch, in training and in validation."""
    figure = go.Figure()
    epochs = list(range(1, len(history) + 1))
    for key, name, colour in (
        (metric, "training", QUIET),
        (f"val_{metric}", "validation", ACCENT),
    ):
        figure.add_scatter(
            x=epochs,
            y=[one.get(key) for one in history],
            name=name,
            mode="lines+markers",
            line={"color": colour, "width": 3},
        )
    return styled(
        figure,
        260,
        xaxis={"title": "epoch", "dtick": max(1, len(epochs) // 8), "fixedrange": True},
        yaxis={"tickformat": ".0%" if percent else "", "fixedrange": True, "automargin": True},
    )


def accuracy_by_class(
    labels: tuple[str, ...], series: list[tuple[str, np.ndarray, str]]
) -> go.Figure:
    """Share of each class that was recognised; ``series`` of (name, shares 0..1, colour)."""
    figure = go.Figure()
    for name, shares, colour in series:
        figure.add_bar(
            y=list(labels),
            x=shares,
            name=name,
            orientation="h",
            marker={"color": colour, "cornerradius": 3},
            hovertemplate="%{y}: %{x:.1%}<extra>" + name + "</extra>",
        )
    return styled(
        figure,
        60 + 38 * len(labels),
        barmode="group",
        xaxis={"range": [0, 1], "tickformat": ".0%", "fixedrange": True},
        yaxis={"autorange": "reversed", "automargin": True, "fixedrange": True, "ticksuffix": "  "},
    )


def reliability(probabilities: np.ndarray, labels: np.ndarray, bins: int = 10) -> go.Figure:
    """How often the version is right when it is so confident; on the diagonal: calibrated."""
    confidence = probabilities.max(axis=1).astype(np.float64)
    right = probabilities.argmax(axis=1) == labels
    places = np.minimum((confidence * bins).astype(int), bins - 1)
    used = [one for one in range(bins) if (places == one).sum() >= 10]
    figure = go.Figure()
    figure.add_scatter(
        x=[0, 1], y=[0, 1], mode="lines", line={"color": QUIET, "dash": "dot"}, name="ideal"
    )
    figure.add_scatter(
        x=[confidence[places == one].mean() for one in used],
        y=[right[places == one].mean() for one in used],
        text=[f"{(places == one).sum():,} images" for one in used],
        mode="lines+markers",
        line={"color": ACCENT, "width": 3},
        name="this version",
        hovertemplate="confidence %{x:.1%}, right %{y:.1%}, %{text}<extra></extra>",
    )
    return styled(
        figure,
        300,
        xaxis={"title": "confidence", "range": [0, 1], "tickformat": ".0%", "fixedrange": True},
        yaxis={"title": "right", "range": [0, 1.02], "tickformat": ".0%", "fixedrange": True},
    )
