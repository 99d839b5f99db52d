"""Tab Data: the images that production was made from, and what was found wrong with them.

Read from the version's run when the tab is opened.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import dash_mantine_components as dmc
from dash import Dash, Input, Output, State, dcc, html, no_update

from dash_app.page import facts
from dash_app.page.context import Context
from dash_app.page.pictures import SMALL
from dash_app.status import public, status_of
from model_zoo.errors import UserError

#: Classes, months and parts that a table has at the most.
MOST_ROWS = 50
OUTCOMES = {
    "ok": ("within limits", "gray"),
    "warn": ("look at it", "orange"),
    "stop": ("stops", "red"),
}


def layout(context: Context) -> Any:
    return html.Div(
        [
            html.Div(id="data-message", role="alert", className="message"),
            dcc.Loading(html.Div(id="data"), delay_show=400, type="dot", color="#12b886"),
            dcc.Store(id="data-version"),
        ]
    )


def register(app: Dash, context: Context) -> None:
    @app.callback(
        Output("data", "children"),
        Output("data-message", "children"),
        Output("data-version", "data"),
        Input("tabs", "value"),
        Input("shown-version", "data"),
        State("data-version", "data"),
    )
    def show(tab: str, version: str | None, shown: str | None) -> tuple[Any, Any, Any]:
        if tab != "data" or (shown and shown == version):
            return no_update, no_update, no_update
        if not version:
            return [], status_of(context.predictor).problem or "", None
        try:
            report = context.reports.report(version)
            health = context.reports.health(report)
            side = max(context.predictor.current.image_shape[:2])
        except UserError as error:
            return [], public(error), None
        if health is None:
            return [], without(version), version
        return sections(health, version, side), "", version


def without(version: str) -> str:
    return (
        f"the images of version {version} were not looked at before it was trained: a new run does "
        "that, and says here what it found"
    )


def sections(health: Mapping[str, Any], version: str, side: int) -> Any:
    """Counts first, then every kind of finding with the images behind its number.

    Args:
        health: what the run has in ``health/health.json``.
        side: of an image, in pixels.
    """
    found = [one for one in health["findings"] if one["found"]]
    return html.Div(
        [
            overview(health, version),
            *(finding(one, side) for one in found),
            counts("Images by class and part", "Class", health["classes"]),
            counts("Images by month of arrival", "Month", health["months"])
            if len(health["months"]) > 1
            else "",
        ],
        className="grid",
    )


def section(title: Any, *content: Any) -> Any:
    return html.Section(
        [dmc.Title(title, order=2, size="h4", mb="xs"), *content], className="card wide"
    )


def overview(health: Mapping[str, Any], version: str) -> Any:
    """Each kind with its number, and what was not looked for."""
    numbers = [
        html.Div(
            [html.Strong(f"{one['found']:,}"), html.Span(one["title"].lower(), className="small")],
            className="number",
        )
        for one in health["findings"]
    ]
    return section(
        f"The images of version {version}",
        html.P(
            f"As they were before training; snapshot {health['snapshot']}.",
            className="quiet small",
        ),
        html.Div(numbers, className="numbers"),
        *(html.P(note, className="small") for note in health["notes"]),
    )


def finding(found: Mapping[str, Any], side: int) -> Any:
    """One kind: what it means, whether it matters, and the images."""
    words, colour = OUTCOMES[found["outcome"]]
    shown = len(found["pictures"])
    cut = f" The first {shown:,} of {found['found']:,}; all are in the run's findings.csv."
    shots = zip(found["suspects"], found["pictures"], strict=False)
    return section(
        [
            f"{found['title']}: {found['found']:,} ",
            dmc.Badge(words, color=colour, variant="light", className="outcome"),
        ],
        html.P(f"{found['sentence']}."),
        html.P(
            found["explained"] + (cut if shown < found["found"] else ""), className="quiet small"
        ),
        html.Div(
            [shot(suspect, picture, side) for suspect, picture in shots],
            className=f"shots health-images {found['kind']}",
            tabIndex=0,
            role="region",
            **{"aria-label": f"{found['title']}: images"},  # type: ignore[arg-type]
        ),
    )


def shot(suspect: Mapping[str, Any], picture: str, side: int) -> Any:
    """An image with its label and what is wrong with it; where it lies, for a pointer."""
    place = suspect["origin"] or f"{suspect['part']} image {suspect['row']:,}"
    return html.Figure(
        [
            html.Img(
                src=picture,
                alt=f"{suspect['label']}, {place}",
                title=place,
                className="pixels" if side <= SMALL else "pixels smooth",
            ),
            html.Figcaption(
                [html.Strong(suspect["label"]), html.Div(suspect["note"], className="small")]
            ),
        ],
        className="shot",
    )


def counts(title: str, name: str, rows: Mapping[str, Mapping[str, int]]) -> Any:
    """A table of how many images there are, by row and column."""
    columns = list(dict.fromkeys(column for one in rows.values() for column in one))[:MOST_ROWS]
    head = html.Tr([html.Th(one, scope="col") for one in (name, *columns)])
    body = [
        html.Tr(
            [
                html.Th(row, scope="row"),
                *(html.Td(f"{one.get(column, 0):,}") for column in columns),
            ]
        )
        for row, one in list(rows.items())[-MOST_ROWS:]
    ]
    cut = f"{MOST_ROWS} of {len(rows):,} are shown." if len(rows) > MOST_ROWS else ""
    table = html.Table([html.Thead(head), html.Tbody(body)], className="plain counts")
    return section(title, html.P(cut, className="quiet small"), facts.scrolling(table, title))
