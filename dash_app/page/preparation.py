"""The version's steps from the picture to the model's image: shown, and switched off one by one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import dash_mantine_components as dmc
from dash import ALL, ClientsideFunction, Dash, Input, Output, State, html, no_update

from dash_app.page.context import Context
from dash_app.page.pictures import pixels
from model_zoo.images import STEPS, Prepared
from model_zoo.predictor import NothingInProduction

Ids = Sequence[dict[str, str]]  # of the switches: {"step": name}, in their order on the page


def layout() -> Any:
    """The frame; what is in it depends on the version that serves, and comes with it."""
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
            html.P(id="model-images", className="quiet small"),
            html.Div([original, html.Div(id="steps", className="contents")], className="steps"),
            dmc.Button("All steps on", id="all-steps", variant="subtle", size="compact-sm"),
        ],
        id="preparation",
        className="card",
    )


def register(app: Dash, context: Context) -> None:
    @app.callback(
        Output("steps", "children"),
        Output("model-images", "children"),
        Input("shown-version", "data"),
        State({"step": ALL}, "id"),
    )
    def of_version(version: str | None, shown: Ids) -> tuple[Any, Any]:
        """The switches stay as they are when the next version has the same steps."""
        try:
            current = context.predictor.current
        except NothingInProduction:
            return no_update, no_update
        same = [one["step"] for one in shown] == list(current.preparation)
        return (
            no_update if same else [card(name) for name in current.preparation],
            explanation(current.image_shape),
        )

    app.clientside_callback(
        ClientsideFunction("catwalk", "all_on"),
        Output({"step": ALL}, "checked"),
        Input("all-steps", "n_clicks"),
        State({"step": ALL}, "id"),
        prevent_initial_call=True,
    )


def card(name: str) -> Any:
    """One step: the picture after it, its switch, what it did."""
    return html.Div(
        [
            html.Div(id={"step-picture": name}, className="step-picture"),
            dmc.Switch(id={"step": name}, label=STEPS.get(name).words, checked=True, size="sm"),
            html.Div(id={"step-note": name}, className="quiet small"),
        ],
        className="step",
    )


def explanation(image_shape: tuple[int, int, int]) -> str:
    """What the steps are for."""
    height, width, channels = image_shape
    colours = "grey" if channels == 1 else "in colour"
    return (
        f"The model was trained on images of {width} x {height} pixels, {colours}. These steps "
        "bring a picture there; switch off what it does not need."
    )


def left_out(switches: Sequence[bool | None], steps: Ids) -> list[str]:
    """The names of the steps that are switched off."""
    return [one["step"] for one, on in zip(steps, switches, strict=True) if not on]


def shown(prepared: Prepared, steps: Ids) -> tuple[list[Any], list[Any]]:
    """The picture and the note for each step on the page.

    Nothing for a step that the answer did not take: between two versions the page may still show
    the steps of the first.
    """
    done = {one.name: one for one in prepared.steps}
    pictures, notes = [], []
    for name in (one["step"] for one in steps):
        step = done.get(name)
        pictures.append(pixels(step.picture, f"after: {step.words}") if step else "")
        notes.append(html.Span(step.note, className="changed" if step.changed else "")
                     if step else "")  # fmt: skip
    return pictures, notes
