"""Several pictures at once: a row to choose from, each with its answer."""

from __future__ import annotations

from typing import Any

from dash import ALL, Dash, Input, Output, State, html

from dash_app.page import preparation
from dash_app.page.context import Context
from dash_app.uploads import Refusal, from_browser
from model_zoo.errors import UserError
from model_zoo.images import data_url

#: More at once belong into the tab Batch.
SEVERAL = 24


def register(app: Dash, context: Context) -> None:
    @app.callback(
        Output("strip", "children"),
        Input("several", "data"),
        Input({"step": ALL}, "checked"),
        State({"step": ALL}, "id"),
        prevent_initial_call=True,
    )
    def strip(pictures: list[dict] | None, switches: list[bool], steps: list[dict]) -> Any:
        if not pictures:
            return []
        return strip_of(context, pictures, preparation.left_out(switches, steps))


def strip_of(context: Context, pictures: list[dict], without: list[str]) -> list[Any]:
    page = context.page
    uploads = [from_browser(one["content"], one["name"], page) for one in pictures[:SEVERAL]]
    try:
        found = context.answers.many(uploads, without)
    except UserError:
        return []  # the answer's own message says it
    tiles = []
    for i, answer in enumerate(found):
        if isinstance(answer, Refusal):
            tiles.append(_tile(i, None, answer.name, answer.reason))
        else:
            label = f"{answer.prediction.label} {answer.prediction.confidence:.0%}"
            tiles.append(_tile(i, data_url(answer.prediction.image), label, answer.name))
    note = (
        [html.P(f"The first {SEVERAL} of {len(pictures)}: take the tab Batch for many.",
                className="quiet")]
        if len(pictures) > SEVERAL
        else []
    )  # fmt: skip
    return [html.Div(tiles, className="tiles"), *note]


def _tile(place: int, source: str | None, label: str, title: str) -> Any:
    picture = html.Img(src=source, alt="", className="pixels") if source else html.Span("not read")
    return html.Button(
        [picture, html.Span(label)], id={"chosen": place}, title=title, className="tile"
    )
