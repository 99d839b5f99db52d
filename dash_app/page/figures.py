"""The page's Plotly figures. Colours of text and lines come from page.css, light or dark.

They are written as the JSON that the browser draws (https://plotly.com/javascript/reference/), not
by `plotly.graph_objects`: that looks for pandas among the loaded modules, and fails while another
thread is still importing it, as the MLflow client does at the start.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from dash import dcc, html

from model_zoo.comparison import Part
from model_zoo.predictor import Prediction

ACCENT, QUIET, OTHER = "#12b886", "#adb5bd", "#f76707"
BARS_HEIGHT = 330
MOST_BARS = 12  # more would not be told apart in that height
AXIS: Any = {"fixedrange": True, "automargin": True, "zeroline": False}
PLAIN: Any = {"displayModeBar": False, "responsive": True}

Figure = dict[str, Any]


def graph(figure: Figure | None, name: str, description: str) -> Any:
    """A figure with a name for screen readers; without one yet, room for :func:`bars`."""
    height = figure["layout"]["height"] if figure else BARS_HEIGHT
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


def styled(traces: list[dict[str, Any]], height: int, **layout: object) -> Figure:
    common = {
        "margin": {"l": 8, "r": 16, "t": 8, "b": 8},
        "height": height,
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"family": "inherit", "size": 13},
        "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        "hovermode": "closest",
    }
    return {"data": traces, "layout": common | layout}


def bars(prediction: Prediction, colour: str = ACCENT, most: int | None = MOST_BARS) -> Figure:
    """Calibrated confidence of each class, or of the most likely ones; the first of all on top.

    Args:
        most: bars; None: one for each class, for whoever cuts it (``page/bars.py``).
    """
    order = prediction.probabilities.argsort()[-(most or len(prediction.labels)) :]
    shares = prediction.probabilities[order].tolist()
    trace = {
        "type": "bar",
        "orientation": "h",
        "x": shares,
        "y": [prediction.labels[i] for i in order],
        "marker": {
            "color": [colour if i == order[-1] else QUIET for i in order],
            "cornerradius": 4,
        },
        "text": [f"{share:.1%}" for share in shares],
        "textposition": "outside",
        "cliponaxis": False,
        "hovertemplate": "%{y}: %{x:.2%}<extra></extra>",
    }
    return styled(
        [trace],
        BARS_HEIGHT,
        xaxis=AXIS | {"range": [0, 1.12], "visible": False},
        yaxis=AXIS | {"ticksuffix": "  "},
        bargap=0.35,
    )


def curves(history: list[dict[str, float]], metric: str, percent: bool) -> Figure:
    """One metric by epoch, in training and in validation."""
    epochs = list(range(1, len(history) + 1))
    traces = [
        {
            "type": "scatter",
            "mode": "lines+markers",
            "name": name,
            "x": epochs,
            "y": [one.get(key) for one in history],
            "line": {"color": colour, "width": 3},
        }
        for key, name, colour in (
            (metric, "training", QUIET),
            (f"val_{metric}", "validation", ACCENT),
        )
    ]
    return styled(
        traces,
        260,
        xaxis=AXIS | {"title": {"text": "epoch"}, "dtick": max(1, len(epochs) // 8)},
        yaxis=AXIS | {"tickformat": ".0%" if percent else ""},
    )


def accuracy_by_class(
    labels: tuple[str, ...], series: Sequence[tuple[str, Sequence[float] | np.ndarray, str]]
) -> Figure:
    """Share of each class that was recognised; ``series`` of (name, shares 0..1, colour)."""
    traces = [
        {
            "type": "bar",
            "orientation": "h",
            "name": name,
            "x": [float(share) for share in shares],
            "y": list(labels),
            "marker": {"color": colour, "cornerradius": 3},
            "hovertemplate": "%{y}: %{x:.1%}<extra>" + name + "</extra>",
        }
        for name, shares, colour in series
    ]
    return styled(
        traces,
        60 + 38 * len(labels),
        barmode="group",
        xaxis=AXIS | {"range": [0, 1], "tickformat": ".0%"},
        yaxis=AXIS | {"autorange": "reversed", "ticksuffix": "  "},
    )


def changes(parts: Sequence[Part]) -> Figure:
    """The change of each part in points, with its interval; what changed with evidence stands out.

    Green is better, orange is worse, grey is neither.
    """
    colours = {"better": ACCENT, "worse": OTHER, "": QUIET}
    found = [100 * one.difference for one in parts]
    trace = {
        "type": "scatter",
        "mode": "markers",
        "x": found,
        "y": [one.name for one in parts],
        "marker": {"color": [colours[one.second_is] for one in parts], "size": 10},
        "error_x": {
            "type": "data",
            "symmetric": False,
            "array": [100 * one.high - value for one, value in zip(parts, found, strict=True)],
            "arrayminus": [value - 100 * one.low for one, value in zip(parts, found, strict=True)],
            "color": QUIET,
            "thickness": 2,
        },
        "text": [one.second_is or "no evidence of a change" for one in parts],
        "hovertemplate": "%{y}: %{x:+.1f} points, %{text}<extra></extra>",
    }
    return styled(
        [trace],
        60 + 26 * len(parts),
        xaxis=AXIS | {"title": {"text": "points"}, "zeroline": True, "zerolinecolor": QUIET},
        yaxis=AXIS | {"autorange": "reversed", "ticksuffix": "  "},
    )


def reliability(probabilities: np.ndarray, labels: np.ndarray, bins: int = 10) -> Figure:
    """How often the version is right when it is so confident; on the diagonal: calibrated."""
    confidence = probabilities.max(axis=1).astype(np.float64)
    right = probabilities.argmax(axis=1) == labels
    places = np.minimum((confidence * bins).astype(int), bins - 1)
    used = [one for one in range(bins) if (places == one).sum() >= 10]
    ideal = {
        "type": "scatter",
        "mode": "lines",
        "name": "ideal",
        "x": [0, 1],
        "y": [0, 1],
        "line": {"color": QUIET, "dash": "dot"},
    }
    found = {
        "type": "scatter",
        "mode": "lines+markers",
        "name": "this version",
        "x": [float(confidence[places == one].mean()) for one in used],
        "y": [float(right[places == one].mean()) for one in used],
        "text": [f"{(places == one).sum():,} images" for one in used],
        "line": {"color": ACCENT, "width": 3},
        "hovertemplate": "confidence %{x:.1%}, right %{y:.1%}, %{text}<extra></extra>",
    }
    share = AXIS | {"tickformat": ".0%"}
    return styled(
        [ideal, found],
        300,
        xaxis=share | {"title": {"text": "confidence"}, "range": [0, 1]},
        yaxis=share | {"title": {"text": "right"}, "range": [0, 1.02]},
    )
