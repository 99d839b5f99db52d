"""Real images to try: one of each class, and as many test images of a class as one likes."""

from __future__ import annotations

from typing import Any

import dash_mantine_components as dmc
import numpy as np
from dash import ALL, Dash, Input, Output, ctx, html, no_update

from dash_app.page import classes
from dash_app.page.context import Context
from dash_app.page.pictures import enlarged, pixels
from model_zoo.errors import UserError
from model_zoo.images import data_url
from model_zoo.predictor import NothingInProduction, ServedClassifier

SHOWN = 15


def examples() -> Any:
    """One image of each class; they come with the version."""
    return html.Div(
        [
            html.P("Or take one of these", className="hint"),
            html.Div(id="examples", className="examples"),
        ]
    )


def more() -> Any:
    """Any number of test images of a class, where they are recorded."""
    return html.Div(
        [
            dmc.Group(
                [
                    dmc.Select(
                        id="gallery-class",
                        label="More test images of",
                        data=[],
                        size="sm",
                        flex=1,
                        allowDeselect=False,
                        **classes.SEARCH,
                    ),
                    dmc.Button("Others", id="gallery-more", variant="default", size="sm"),
                ],
                align="end",
                gap="xs",
            ),
            html.Div(id="gallery", className="examples"),
        ],
        id="gallery-box",
        className="hidden",
    )


def register(app: Dash, context: Context) -> None:
    @app.callback(
        Output("examples", "children"),
        Input("shown-version", "data"),
    )
    def of_each_class(version: str | None) -> Any:
        try:
            return example_buttons(context.predictor.current)
        except NothingInProduction:
            return []

    @app.callback(  # apart from the examples, which need not wait for the registry
        Output("gallery-class", "data"),
        Output("gallery-class", "searchable"),
        Output("gallery-class", "value"),
        Output("gallery-box", "className"),
        Input("shown-version", "data"),
    )
    def known(version: str | None) -> tuple[Any, ...]:
        if not version or test_set(context) is None:
            return [], False, None, "hidden"
        labels = list(context.predictor.current.labels)
        return labels, classes.is_many(labels), labels[0], "gallery-box"

    @app.callback(
        Output("gallery", "children"),
        Input("gallery-class", "value"),
        Input("gallery-more", "n_clicks"),
        prevent_initial_call=True,
    )
    def of_one_class(label: str | None, clicks: int | None) -> Any:
        found = test_set(context)
        labels = context.predictor.current.labels
        if found is None or label not in labels:
            return []
        images, truth = found
        members = np.flatnonzero(truth == labels.index(label))
        start = SHOWN * (clicks or 0) % max(1, len(members))
        return [
            html.Button(pixels(images[i], f"{label}, test image {i}"), id={"gallery": int(i)})
            for i in np.roll(members, -start)[:SHOWN]
        ]

    # Two callbacks, not one: when the gallery arrives, its buttons count as a change of the
    # callback's inputs, and an answer to an example that is under way would be dropped.
    @app.callback(
        Output("pictures", "data", allow_duplicate=True),
        Input({"example": ALL}, "n_clicks"),
        prevent_initial_call=True,
    )
    def take_example(_: list[int | None]) -> Any:
        if not clicked():
            return no_update
        example = context.predictor.current.facts["examples"][ctx.triggered_id["example"]]
        url = f"data:image/png;base64,{example['png']}"
        return [{"name": "example", "content": url, "truth": example["label"]}]

    @app.callback(
        Output("pictures", "data", allow_duplicate=True),
        Input({"gallery": ALL}, "n_clicks"),
        prevent_initial_call=True,
    )
    def take_test_image(_: list[int | None]) -> Any:
        found = test_set(context) if clicked() else None
        if found is None:
            return no_update
        images, truth = found
        place = int(ctx.triggered_id["gallery"])
        label = context.predictor.current.labels[int(truth[place])]
        return [{"name": f"test image {place}", "content": data_url(images[place]), "truth": label}]


def clicked() -> bool:
    """Whether a button was pressed, and not only put on the page."""
    return isinstance(ctx.triggered_id, dict) and bool(ctx.triggered[0]["value"])


def example_buttons(current: ServedClassifier) -> list[Any]:
    return [
        html.Button(
            html.Img(
                src=f"data:image/png;base64,{one['png']}",
                alt=one["label"],
                className=enlarged(current.image_shape),
            ),
            id={"example": i},
            title=one["label"],
        )
        for i, one in enumerate(current.facts["examples"])
    ]


def test_set(context: Context) -> tuple[np.ndarray, np.ndarray] | None:
    """The images and labels that production was measured on, if they are recorded."""
    try:
        report = context.reports.report(context.predictor.current.version)
        predictions = context.reports.predictions(report)
        images = context.reports.test_images(report)
    except UserError:
        return None
    if predictions is None or images is None:
        return None
    return images, predictions.labels[: len(images)]
