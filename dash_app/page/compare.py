"""Tab Compare: production beside another version, on one picture and on the test set."""

from __future__ import annotations

from typing import Any

import dash_mantine_components as dmc
from dash import ALL, Dash, Input, Output, State, dcc, html, no_update

from dash_app.page import differences, preparation, side_by_side
from dash_app.page.context import Context
from dash_app.page.figures import ACCENT, OTHER, bars, graph
from dash_app.page.pictures import heatmaps_of, pixels
from dash_app.status import public, status_of
from dash_app.uploads import from_data_url
from model_zoo.errors import UserError
from model_zoo.predictor import Answer
from model_zoo.registry import versions as registry


def layout(context: Context) -> Any:
    return html.Div(
        [
            dmc.Select(
                id="other-version",
                label="Compare production with",
                placeholder="choose a version",
                data=[],
                allowDeselect=False,
                maw=420,
                mb="md",
            ),
            html.Div(id="compare-message", role="alert", className="message"),
            dcc.Loading(
                html.Div(id="compare-picture"), delay_show=400, type="dot", color="#12b886"
            ),
            dcc.Loading(
                html.Div(id="compare-test-set"), delay_show=400, type="dot", color="#12b886"
            ),
            differences.layout(),
        ]
    )


def register(app: Dash, context: Context) -> None:
    differences.register(app, context)

    @app.callback(
        Output("other-version", "data"),
        Output("other-version", "value"),
        Output("compare-message", "children"),
        Input("tabs", "value"),
        Input("shown-version", "data"),
        State("other-version", "value"),
    )
    def versions(tab: str, production: str | None, chosen: str | None) -> tuple[Any, Any, Any]:
        if tab != "compare":
            return no_update, no_update, no_update
        if not production:
            return [], None, status_of(context.predictor).problem or ""
        try:
            found = registry.list_versions(context.store)
        except UserError as error:
            return no_update, no_update, public(error)
        others = [one for one in found if one.version != production]
        options = [{"value": one.version, "label": _words(one)} for one in others]
        if not options:
            return [], None, "there is only one version so far: retrain to have one to compare with"
        known = {one["value"] for one in options}
        return options, chosen if chosen in known else options[0]["value"], ""

    @app.callback(
        Output("compare-picture", "children"),
        Input("other-version", "value"),
        Input("picture", "data"),
        Input("tabs", "value"),
        Input("shown-version", "data"),
        State({"step": ALL}, "checked"),
        State({"step": ALL}, "id"),
    )
    def one_picture(
        other: str | None,
        picture: dict | None,
        tab: str,
        production: str | None,
        switches: list[bool],
        steps: list[dict],
    ) -> Any:
        if tab != "compare":
            return no_update
        if not other or not production or other == production:
            return []
        try:
            without = preparation.left_out(switches, steps)
            return one_picture_of_both(context, other, picture or first_example(context), without)
        except UserError as error:
            return dmc.Alert(public(error), color="orange", variant="light")

    @app.callback(
        Output("compare-test-set", "children"),
        Input("other-version", "value"),
        Input("tabs", "value"),
        Input("shown-version", "data"),
    )
    def test_set(other: str | None, tab: str, production: str | None) -> Any:
        if tab != "compare":
            return no_update
        if not other or not production or other == production:
            return []
        try:
            return side_by_side.summary(context.comparisons.between(production, other))
        except UserError as error:
            return dmc.Alert(public(error), color="orange", variant="light")


def _words(version: registry.Version) -> str:
    accuracy = version.accuracy
    parts = [
        f"version {version.version}",
        version.tags.get("backbone", ""),
        f"{accuracy:.1%}" if accuracy is not None else "",
        ", ".join(version.aliases),
    ]
    return " · ".join(filter(None, parts))


def first_example(context: Context) -> dict[str, str]:
    """What is compared until somebody chooses a picture."""
    examples = context.predictor.current.facts["examples"]
    if not examples:
        raise UserError("choose a picture under Predict first")
    example = examples[0]
    url = f"data:image/png;base64,{example['png']}"
    return {"name": "example", "content": url, "truth": example["label"]}


def one_picture_of_both(context: Context, other: str, picture: dict, without: list[str]) -> Any:
    """Both versions' answers to one picture.

    Raises:
        UserError: the other version cannot be had, or the picture not be read.
    """
    upload = from_data_url(picture["content"], picture["name"], context.page)
    theirs_is = context.others.classifier(other)
    ours = context.answers.one(upload, without)
    theirs = context.answers.one(upload, without, theirs_is, source="compare")
    agree = ours.prediction.label == theirs.prediction.label
    truth = f", labelled {picture['truth']}" if picture.get("truth") else ""
    return html.Section(
        [
            dmc.Title("The same picture", order=2, size="h4"),
            html.P(
                f"{upload.name}{truth}; choose another one under Predict. The two "
                f"{'agree' if agree else 'disagree'}.",
                className="quiet small",
            ),
            html.Div(
                [_answer(ours, "production", ACCENT), _answer(theirs, "other", OTHER)],
                className="versus",
            ),
        ],
        className="card",
    )


def _answer(found: Answer, name: str, colour: str) -> Any:
    heat = heatmaps_of(found.prediction).get(found.prediction.label, "")
    seen = html.Div(
        [
            pixels(found.prediction.image, "what the model sees"),
            html.Img(src=heat, alt="", className="heat", style={"opacity": 0.6}) if heat else "",
        ],
        className="stack small-stack",
    )
    title = "production, " if name == "production" else ""
    return html.Div(
        [
            dmc.Group(
                [
                    seen,
                    html.Div(
                        [
                            html.Div(f"{title}version {found.version}", className="quiet small"),
                            html.Strong(found.prediction.label, className="lead"),
                            html.Div(f"{found.prediction.confidence:.1%} confident"),
                        ]
                    ),
                ]
            ),
            graph(bars(found.prediction, colour), f"bars-{name}", f"Confidence, {name}"),
        ],
        id=f"answer-{name}",
    )
