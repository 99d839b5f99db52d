"""The automatic steps from the picture to the model's image: shown, and switched off one by one."""

from __future__ import annotations

from typing import Any

import dash_mantine_components as dmc
from dash import ClientsideFunction, Dash, Input, Output, html

from dash_app.page.pictures import pixels
from model_zoo.images import STEPS, Preparation, Step


def layout() -> Any:
    cards = [
        html.Div(
            [
                html.Div(id={"step-picture": name}, className="step-picture"),
                dmc.Switch(id={"step": name}, label=words, checked=True, size="sm"),
                html.Div(id={"step-note": name}, className="quiet small"),
            ],
            className="step",
        )
        for name, words in STEPS.items()
    ]
    original = html.Div(
        [
            html.Div(id="original", className="step-picture"),
            html.Strong("Your picture", className="small"),
        ],
        className="step",
    )
    return html.Section(
        [
            dmc.Title("From your picture to the model's", order=3, size="h4"),
            html.P(
                "The dataset shows garments light on black, filling 28 x 28 pixels. These steps "
                "bring a picture there; switch off what it does not need.",
                className="quiet small",
            ),
            html.Div([original, *cards], className="steps"),
            dmc.Button("All steps on", id="all-steps", variant="subtle", size="compact-sm"),
        ],
        id="preparation",
        className="card",
    )


def register(app: Dash) -> None:
    app.clientside_callback(
        ClientsideFunction("catwalk", "all_on"),
        [Output({"step": name}, "checked") for name in STEPS],
        Input("all-steps", "n_clicks"),
        prevent_initial_call=True,
    )


def allowed(switches: list[bool]) -> Preparation:
    """The switches, in the order of :data:`STEPS`, as a preparation."""
    return Preparation(**dict(zip(STEPS, map(bool, switches), strict=True)))


def picture(step: Step) -> Any:
    return pixels(step.picture, f"after: {STEPS[step.name]}", "original")


def note(step: Step) -> Any:
    return html.Span(step.note, className="changed" if step.changed else "")
