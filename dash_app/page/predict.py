"""Tab Predict: a picture in, what the version in production makes of it, and why.

The uploaded file stays in the browser (``pictures``: all, ``picture``: the chosen one) and goes to
the server with each question: any worker can answer, and nothing is kept there.
"""

from __future__ import annotations

from typing import Any

import dash_mantine_components as dmc
from dash import ALL, ClientsideFunction, Dash, Input, Output, State, ctx, dcc, html, no_update

from dash_app.page import bars, correction, figures, gallery, heat, preparation, strip
from dash_app.page.context import Context
from dash_app.page.pictures import heatmaps_of, pixels
from dash_app.status import public
from dash_app.uploads import from_data_url
from model_zoo.errors import UserError
from model_zoo.images.decode import FORMATS_IN_WORDS
from model_zoo.predictor import Answer


def layout(context: Context) -> Any:
    return html.Div(
        [
            html.Div([_ways_in(context), gallery.examples(), gallery.more()], className="side"),
            html.Div(
                [
                    html.Div(id="message", role="alert", className="message"),
                    html.Div(id="strip", className="strip"),
                    _nothing_yet(),
                    _result(context),
                ],
                className="answer",
            ),
            dcc.Store(id="pictures"),
            dcc.Store(id="several"),
            dcc.Store(id="picture"),
            dcc.Store(id="heatmaps"),
        ],
        className="columns",
    )


def _ways_in(context: Context) -> Any:
    return html.Div(
        [
            dcc.Upload(
                id="upload",
                children=html.Div(
                    [
                        html.Div("⬆", className="drop-sign", **{"aria-hidden": "true"}),  # type: ignore[arg-type]
                        html.Strong("Drop pictures here"),
                        html.Div(
                            "or click to choose, or paste with Ctrl+V. A photo will do.",
                            className="quiet",
                        ),
                        html.Div(
                            f"{FORMATS_IN_WORDS}, up to {context.page.max_upload_mb:g} MiB "
                            "each. Nothing is kept.",
                            className="quiet small",
                        ),
                    ]
                ),
                multiple=True,
                className="drop",
                className_active="drop drop-active",
                accept="image/*,.heic,.heif",  # some browsers do not know these as images
            ),
            dmc.Button(
                "Take a photo", id="camera", variant="default", fullWidth=True, mt="sm",
                className="camera",
            ),
        ]
    )  # fmt: skip


def _nothing_yet() -> Any:
    return html.Div(
        [
            html.P("Choose one of the examples, or bring your own picture.", className="lead"),
            html.P(
                "You will see what the model sees, what it takes it for, how sure it is and which "
                "parts of the picture spoke for that.",
                className="quiet",
            ),
        ],
        id="nothing-yet",
        className="nothing",
    )


def _result(context: Context) -> Any:
    return html.Div(
        [
            html.Div(
                [
                    dmc.Title("", order=2, id="label"),
                    html.P(id="confidence", className="lead"),
                    html.Div(id="doubts", role="status"),
                    html.P(id="answered-by", className="quiet small"),
                ],
                className="verdict",
                **{"aria-live": "polite"},  # type: ignore[arg-type]
            ),
            html.Div([heat.layout(), bars.layout()], className="pair"),
            preparation.layout(),
            correction.layout(context.page),
        ],
        id="result",
        className="hidden",
    )


def register(app: Dash, context: Context) -> None:
    gallery.register(app, context)
    preparation.register(app, context)
    correction.register(app, context)
    strip.register(app, context)
    heat.register(app)
    bars.register(app)
    _register_client_side(app)

    # An example and a corrected switch come the same way as an upload: through the store.
    @app.callback(
        Output("label", "children"),
        Output("confidence", "children"),
        Output("doubts", "children"),
        Output("answered-by", "children"),
        Output("seen", "children"),
        Output("every-bar", "data"),
        Output("heatmaps", "data"),
        Output("heat-class", "data"),
        Output("heat-class", "value"),
        Output({"step-picture": ALL}, "children"),
        Output({"step-note": ALL}, "children"),
        Output("original", "children"),
        Output("message", "children"),
        Output("result", "className"),
        Output("nothing-yet", "className"),
        Input("picture", "data"),
        Input({"step": ALL}, "checked"),
        State({"step": ALL}, "id"),
        State("heat-class", "value"),
        prevent_initial_call=True,
    )
    def answer(
        picture: dict | None, switches: list[bool], steps: preparation.Ids, wanted: str | None
    ) -> tuple[Any, ...]:
        if not picture:
            return no_answer("", steps)
        try:
            upload = from_data_url(picture["content"], picture["name"], context.page)
            found = context.answers.one(upload, preparation.left_out(switches, steps))
        except UserError as error:
            return no_answer(public(error), steps)
        kept = wanted if ctx.triggered_id != "picture" else None
        answered_by = f"{context.store.model} version {found.version}"
        return (*shown(found, picture, answered_by, steps, kept), "", "", "hidden")


def no_answer(reason: str, steps: preparation.Ids) -> tuple[Any, ...]:
    """Outputs of ``answer`` when there is none: only the message changes."""
    unchanged = [no_update] * len(steps)
    return (*[no_update] * 9, unchanged, unchanged, no_update, reason, "hidden", "nothing")


def shown(
    found: Answer, picture: dict, answered_by: str, steps: preparation.Ids, wanted: str | None
) -> tuple[Any, ...]:
    """Outputs of ``answer`` but for the message; ``wanted``: the heatmap's class, if kept."""
    prediction = found.prediction
    heatmaps = heatmaps_of(prediction)
    truth = picture.get("truth")
    source = f"{found.name}, labelled {truth}" if truth else found.name
    ordered = [prediction.labels[i] for i in prediction.probabilities.argsort()[::-1]]
    return (
        prediction.label,
        f"{prediction.confidence:.1%} confident",
        doubts(found),
        f"{source} · answered by {answered_by}",
        pixels(prediction.image, f"what the model sees, taken for {prediction.label}"),
        figures.bars(prediction, most=None),
        heatmaps,
        [label for label in ordered if label in heatmaps],
        wanted if wanted in heatmaps else prediction.label,
        *preparation.shown(found.prepared, steps),
        pixels(found.prepared.original, "your picture"),
    )


def doubts(found: Answer) -> list[Any]:
    """Why not to trust the answer, if there is a reason."""
    notes = []
    if found.doubts.unsure:
        notes.append(
            dmc.Alert(f"The model is {found.doubts.unsure}.", color="yellow", variant="light")
        )
    if found.doubts.unlike:
        reasons = "; ".join(found.doubts.unlike)
        notes.append(
            dmc.Alert(
                f"Looks unlike the training images: {reasons}. (A few simple figures of the image, "
                "compared with those of 99.8 % of the training images.)",
                color="orange",
                variant="light",
            )
        )
    return notes


def _register_client_side(app: Dash) -> None:
    """What needs no server: taking in pictures and choosing one. See assets/page.js."""

    def client(name: str, *arguments: Any) -> None:
        app.clientside_callback(
            ClientsideFunction("catwalk", name), *arguments, prevent_initial_call=True
        )

    # Emptying the upload makes the same file, dropped twice, an event again.
    client(
        "take",
        Output("pictures", "data"),
        Output("upload", "contents"),
        Input("upload", "contents"),
        State("upload", "filename"),
    )
    client(
        "several",
        Output("several", "data"),
        Input("pictures", "data"),
    )
    client(
        "choose",
        Output("picture", "data"),
        Input("pictures", "data"),
        Input({"chosen": ALL}, "n_clicks"),
    )
