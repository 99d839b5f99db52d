"""Feedback: "wrong? it is a ..."; stored only when somebody presses the button."""

from __future__ import annotations

from typing import Any

import dash_mantine_components as dmc
from dash import ALL, Dash, Input, Output, State, ctx, html, no_update
from flask import request

from dash_app.page import classes, preparation
from dash_app.page.context import Context
from dash_app.sending import origin_of, send_correction
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
            dmc.Checkbox(
                id="keep-picture",
                label="Keep my picture too",
                description="The file as it is, with what it says of when and where it was taken; "
                "a reviewer sees it, and if it is accepted models learn from it.",
                checked=False,
                size="sm",
                my="sm",
            ),
            html.P(
                "Sending stores the small image that the model saw, its answer, your correction "
                "and the version, for a person to review; not the file's name or who you are, and "
                "your picture only if you say so.",
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
        State("keep-picture", "checked"),
        prevent_initial_call=True,
    )
    def correct(
        clicks: int | None,
        picture: dict | None,
        switches: list[bool],
        steps: list[dict],
        right: str | None,
        with_picture: bool | None,
    ) -> tuple[Any, Any]:
        if ctx.triggered_id == "picture" or not clicks or not picture:
            return "", None
        if not right:
            return "Choose what it is first.", no_update
        try:
            upload = from_data_url(picture["content"], picture["name"], context.page)
            send_correction(
                context.corrections,
                context.answers,
                context.predictor.current,
                upload,
                right,
                without=preparation.left_out(switches, steps),
                with_picture=bool(with_picture),
                origin=origin_of(request),
                page=context.page,
            )
        except UserError as error:
            return f"Not stored: {public(error)}.", no_update
        return f"Thank you: stored as {right}, and waits for review.", no_update
