"""The image as the model takes it, under the heatmap, with the heatmap's controls."""

from __future__ import annotations

from typing import Any

import dash_mantine_components as dmc
from dash import ClientsideFunction, Dash, Input, Output, dcc, html

NO_HEATMAP = (
    "No heatmap: at this version's image size its backbone sees the picture as a whole, so there "
    "is no place to point at."
)


def layout() -> Any:
    """The image as the model takes it, under the heatmap, with the heatmap's controls."""
    return html.Div(
        [
            html.Figure(
                [
                    html.Div(
                        [html.Div(id="seen"), html.Img(id="heat", alt="", className="heat")],
                        className="stack",
                    ),
                    html.Figcaption("What the model sees, and what counted", className="quiet"),
                ],
                className="seen",
            ),
            html.Div(_heatmap_controls(), id="heat-controls"),
            html.P(NO_HEATMAP, id="no-heat", className="hidden"),
        ],
        className="seen-box",
    )


def _heatmap_controls() -> list[Any]:
    return [
        html.Label("Strength of the heatmap", htmlFor="strength", className="small"),
        # A native range input: keyboard, touch and screen readers come with it.
        dcc.Input(id="strength", type="range", min=0, max=100, step=5, value=60, className="range"),
        dmc.Select(
            id="heat-class",
            label="What speaks for",
            data=[],
            allowDeselect=False,
            size="sm",
            comboboxProps={"withinPortal": True},
        ),
    ]


def register(app: Dash) -> None:
    """Strength and class need no server: see assets/page.js."""
    app.clientside_callback(
        ClientsideFunction("catwalk", "heat"),
        Output("heat", "src"),
        Output("heat", "style"),
        Output("heat-controls", "className"),
        Output("no-heat", "className"),
        Input("heatmaps", "data"),
        Input("heat-class", "value"),
        Input("strength", "value"),
        prevent_initial_call=True,
    )
