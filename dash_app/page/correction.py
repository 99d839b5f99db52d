"""Feedback: "wrong? it is a ..."; stored only when somebody presses the button."""

from __future__ import annotations

from typing import Any

import dash_mantine_components as dmc
from dash import ALL, Dash, Input, Output, State, ctx, html, no_update

from dash_app.page import classes, preparation
from dash_app.page.context import Context
from dash_app.settings import PageSettings
from dash_app.status import public
from dash_app.uploads import from_data_url
from model_zoo.errors import UserError


def layout(page: PageSettings) -> Any:
    if not page.feedback:
        return html.Div()
    return html.Section(
        [
            dmc.Title("Wrong?", order=3, size="h4"),
            dmc.Group(
                [
                    dmc.Select(
                        id="right-class",
                        label="It is a",
                        data=[],
                        placeholder="choose",
                        size="sm",
                        **classes.SEARCH,
                    ),
                    dmc.Button("Send the correction", id="correct", size="sm", variant="default"),
                ],
                align="end",
            ),
            html.P(
                "Sending stores the small image that the model saw, its answer, your correction "
                "and the version on this server, for training; not your picture, its name or who "
                "you are.",
                className="quiet small",
            ),
            html.Div(id="corrected", role="status"),
        ],
        id="correction",
        className="card",
    )


def register(app: Dash, context: Context) -> None:
    if not context.page.feedback:
        return

    @app.callback(
        Output("right-class", "data"),
        Output("right-class", "searchable"),
        Output("right-class", "placeholder"),
        Input("shown-version", "data"),
    )
    def known(version: str | None) -> Any:
        return tuple(classes.choice(context.predictor.current.labels if version else []).values())

    @app.callback(
        Output("corrected", "children"),
        Output("right-class", "value"),
        Input("correct", "n_clicks"),
        Input("picture", "data"),
        State({"step": ALL}, "checked"),
        State({"step": ALL}, "id"),
        State("right-class", "value"),
        prevent_initial_call=True,
    )
    def correct(
        clicks: int | None,
        picture: dict | None,
        switches: list[bool],
        steps: list[dict],
        right: str | None,
    ) -> tuple[Any, Any]:
        if ctx.triggered_id == "picture" or not clicks or not picture:
            return "", None
        if not right:
            return "Choose what it is first.", no_update
        try:
            upload = from_data_url(picture["content"], picture["name"], context.page)
            without = preparation.left_out(switches, steps)
            found = context.answers.one(upload, without, source="feedback")
            context.corrections.store(
                found.prediction.image,
                found.prediction.label,
                found.prediction.confidence,
                found.version,
                right,
                found.prediction.labels,
            )
        except UserError as error:
            return f"Not stored: {public(error)}.", no_update
        return f"Thank you: stored as {right}.", no_update
