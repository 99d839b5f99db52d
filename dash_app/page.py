"""The page: drop an image or take an example, see what production makes of it."""

from __future__ import annotations

import base64
import binascii
from typing import Any

import plotly.graph_objects as go
from dash import ALL, Dash, Input, Output, State, ctx, dcc, html, no_update
from flask import Flask

from model_zoo.config import Settings
from model_zoo.errors import UserError
from model_zoo.images import png
from model_zoo.predictor import Classifier, NothingInProduction, Prediction, ProductionPredictor

ACCENT, QUIET = "#1f6f54", "#b8c4be"


def mount(server: Flask, predictor: ProductionPredictor, settings: Settings) -> Dash:
    """Put the page at ``/`` of ``server``."""
    app = Dash(
        "dash_app",
        server=server,  # type: ignore[arg-type]
        title="Catwalk",
        update_title="",
        serve_locally=True,
    )
    app.layout = lambda: layout(settings)
    _register_callbacks(app, predictor, settings)
    return app


def layout(settings: Settings) -> html.Main:
    return html.Main(
        [
            html.Header([html.H1("Catwalk"), html.Div(id="serving", className="serving")]),
            html.Section(
                [
                    html.Div(
                        [
                            dcc.Upload(
                                id="upload",
                                children=html.Div(
                                    [
                                        html.Strong("Drop an image here"),
                                        html.Span(
                                            " or click to choose one, at most "
                                            f"{settings.max_upload_mb:g} MiB"
                                        ),
                                    ]
                                ),
                                className="drop",
                            ),
                            html.P("or take one of these", className="hint"),
                            html.Div(id="examples", className="examples"),
                        ]
                    ),
                    html.Div(
                        [
                            html.Div(id="message", role="alert", className="message"),
                            html.Div(id="answer", className="answer", **{"aria-live": "polite"}),  # type: ignore[arg-type]
                        ]
                    ),
                ],
                className="columns",
            ),
            dcc.Interval(id="tick", interval=int(settings.poll_seconds * 1000)),
            dcc.Store(id="shown-version"),
        ]
    )


def _register_callbacks(app: Dash, predictor: ProductionPredictor, settings: Settings) -> None:
    @app.callback(
        Output("serving", "children"),
        Output("examples", "children"),
        Output("shown-version", "data"),
        Input("tick", "n_intervals"),
        State("shown-version", "data"),
    )
    def show_version(_: int | None, shown: str | None) -> tuple[Any, Any, Any]:
        try:
            current = predictor.current
        except NothingInProduction as error:
            return html.Span(str(error), className="problem"), [], None
        examples = no_update if shown == current.version else example_buttons(current)
        return serving(current, settings, predictor.problem), examples, current.version

    # One callback for both ways in. Emptying the upload makes the same file, dropped twice, an
    # event again.
    @app.callback(
        Output("answer", "children"),
        Output("message", "children"),
        Output("upload", "contents"),
        Input("upload", "contents"),
        Input({"example": ALL}, "n_clicks"),
        State("upload", "filename"),
        prevent_initial_call=True,
    )
    def answer(contents: str | None, clicks: list[int | None], name: str | None) -> tuple[Any, ...]:
        chosen = ctx.triggered_id
        if chosen == "upload" and not contents:
            return no_update, no_update, no_update
        if chosen != "upload" and not any(clicks):
            return no_update, no_update, no_update
        try:
            if chosen == "upload":
                content = dropped(contents or "", settings.max_upload_mb)
                source = name or "your image"
            else:
                example = predictor.current.facts["examples"][chosen["example"]]
                content = base64.b64decode(example["png"])
                source = f"example, labelled {example['label']}"
            classifier, prediction = predictor.predict_content(content)
        except UserError as error:
            return [], str(error), None
        return show(classifier, prediction, source, settings), "", None


def dropped(contents: str, max_upload_mb: float) -> bytes:
    """The bytes of a dropped file; ``dcc.Upload`` does not enforce its limit on the server."""
    try:
        content = base64.b64decode(contents.partition(",")[2], validate=True)
    except binascii.Error:
        raise UserError("the upload is damaged: drop the file again") from None
    if len(content) > max_upload_mb * 2**20:
        raise UserError(
            f"the file has {len(content) / 2**20:.1f} MiB; at most {max_upload_mb:g} are read. "
            "Drop a smaller one"
        )
    return content


def serving(current: Classifier, settings: Settings, problem: str | None) -> list[Any]:
    """Which version of which model answers, and what a reader has to know about it."""
    tags = current.tags
    accuracy = f", test accuracy {float(tags['accuracy']):.1%}" if "accuracy" in tags else ""
    parts: list[Any] = [
        html.Span(f"{settings.model_name} version {current.version}", id="version"),
        html.Span(f" {tags.get('backbone', '')}{accuracy}", className="quiet"),
    ]
    if tags.get("dataset_source") == "sample":
        parts.append(html.Span("trained on generated drawings, not garments", className="warn"))
    if tags.get("weights") == "none":
        parts.append(html.Span("trained from scratch", className="note"))
    if problem:
        parts.append(html.Span(f"last good version: {problem}", className="problem"))
    return parts


def example_buttons(current: Classifier) -> list[Any]:
    return [
        html.Button(
            html.Img(src=f"data:image/png;base64,{one['png']}", alt=one["label"]),
            id={"example": i},
            title=one["label"],
        )
        for i, one in enumerate(current.facts.get("examples", []))
    ]


def show(
    classifier: Classifier, prediction: Prediction, source: str, settings: Settings
) -> list[Any]:
    seen = base64.b64encode(png(prediction.image)).decode()
    return [
        html.Div(
            [
                html.Img(src=f"data:image/png;base64,{seen}", alt="what the model saw"),
                html.Div(
                    [
                        html.H2(prediction.label, id="label"),
                        html.P(f"{prediction.confidence:.1%} confident"),
                        html.P(source, className="quiet"),
                        html.P(
                            f"answered by {settings.model_name} version {classifier.version}",
                            className="quiet",
                            id="answered-by",
                        ),
                    ]
                ),
            ],
            className="verdict",
        ),
        dcc.Graph(figure=bars(prediction), config={"displayModeBar": False}, id="bars"),
    ]


def bars(prediction: Prediction) -> go.Figure:
    """Calibrated confidence of each class, the most likely on top."""
    order = prediction.probabilities.argsort()
    figure = go.Figure(
        go.Bar(
            x=prediction.probabilities[order],
            y=[prediction.labels[i] for i in order],
            orientation="h",
            marker_color=[ACCENT if i == order[-1] else QUIET for i in order],
            text=[f"{prediction.probabilities[i]:.1%}" for i in order],
            textposition="outside",
            cliponaxis=False,
        )
    )
    figure.update_layout(
        margin={"l": 8, "r": 48, "t": 8, "b": 8},
        height=330,
        template="plotly_white",
        xaxis={"range": [0, 1], "visible": False},
        yaxis={"automargin": True},
    )
    return figure
