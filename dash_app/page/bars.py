"""The bars of an answer: of many classes the five most likely, and all of them on demand."""

from __future__ import annotations

from typing import Any

import dash_mantine_components as dmc
from dash import ClientsideFunction, Dash, Input, Output, dcc, html

from dash_app.page.figures import graph


def layout() -> Any:
    return html.Div(
        [
            html.Div(
                graph(None, "bars", "Confidence by class"),
                className="bars-room",
                tabIndex=0,
                role="region",
                **{"aria-label": "Confidence by class"},  # type: ignore[arg-type]
            ),
            html.Div(
                dmc.Switch(id="bars-all", label="All classes", checked=False, size="sm"),
                id="bars-more",
                className="hidden",
            ),
            dcc.Store(id="every-bar"),
        ]
    )


def register(app: Dash) -> None:
    """What is cut off is in the browser already: see assets/page.js."""
    app.clientside_callback(
        ClientsideFunction("catwalk", "bars"),
        Output("bars", "figure"),
        Output("bars", "style"),
        Output("bars-more", "className"),
        Output("bars-all", "label"),
        Input("every-bar", "data"),
        Input("bars-all", "checked"),
        prevent_initial_call=True,
    )
