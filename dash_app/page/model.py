"""Tab Model: what is in production, how it was made, and how good it is, image by image.

A version that does not carry something (test predictions, a card) has no frame for it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import dash_mantine_components as dmc
from dash import ALL, Dash, Input, Output, State, ctx, dcc, html, no_update

from dash_app.page import facts
from dash_app.page.by_class import MOST_BARS, shares_by_class
from dash_app.page.confusion import (
    confusion_table,
    images_of_cell,
    mistakes_of_many,
    pairs_of_class,
)
from dash_app.page.context import Context
from dash_app.page.figures import (
    curves,
    graph,
    reliability,
)
from dash_app.status import public, status_of
from model_zoo.errors import UserError
from model_zoo.registry import promotion
from model_zoo.registry.version_report import VersionReport


def layout(context: Context) -> Any:
    return html.Div(
        [
            html.Div(id="model-message", role="alert", className="message"),
            dcc.Loading(html.Div(id="model"), delay_show=400, type="dot", color="#12b886"),
            dcc.Store(id="model-version"),
        ]
    )


def register(app: Dash, context: Context) -> None:
    @app.callback(
        Output("model", "children"),
        Output("model-message", "children"),
        Output("model-version", "data"),
        Input("tabs", "value"),
        Input("shown-version", "data"),
        State("model-version", "data"),
    )
    def show(tab: str, version: str | None, shown: str | None) -> tuple[Any, Any, Any]:
        if tab != "model" or (shown and shown == version):
            return no_update, no_update, no_update
        if not version:
            return [], status_of(context.predictor).problem or "", None
        try:
            report = context.reports.report(version)
            return sections(report, context), "", version
        except UserError as error:
            return [], public(error), None

    @app.callback(
        Output("confused-pairs", "children"),
        Input("confused-class", "value"),
        State("model-version", "data"),
        prevent_initial_call=True,
    )
    def mistakes_of_class(label: str | None, version: str | None) -> Any:
        try:
            return pairs_of_class(context, version, label) if version else no_update
        except UserError as error:
            return public(error)

    @app.callback(
        Output("cell-images", "children"),
        Output({"cell": ALL}, "aria-pressed"),
        Input({"cell": ALL}, "n_clicks"),
        Input({"pair": ALL}, "n_clicks"),
        State("model-version", "data"),
        prevent_initial_call=True,
    )
    def look_into(
        clicks: list[int | None], pairs: list[int | None], version: str | None
    ) -> tuple[Any, Any]:
        chosen = ctx.triggered_id
        if not isinstance(chosen, dict) or not ctx.triggered[0]["value"] or not version:
            return no_update, [no_update] * len(clicks)
        (place,) = chosen.values()
        pressed = [
            "true" if one["id"].get("cell") == place else "false" for one in ctx.inputs_list[0]
        ]
        true, predicted = map(int, place.split("-"))
        try:
            return images_of_cell(context, version, true, predicted), pressed
        except UserError as error:
            return public(error), pressed


def sections(report: VersionReport, context: Context) -> Any:
    """Those that the version has something for."""
    makers: tuple[Callable[[VersionReport, Context], Any], ...] = (
        made,
        verdict,
        mistakes,
        training,
        by_class,
        calibration,
        files,
        history,
        card,
    )
    found = [section for section in (make(report, context) for make in makers) if section]
    return html.Div(found, className="grid")


def section(title: str, *content: Any, wide: bool = False) -> Any:
    return html.Section(
        [dmc.Title(title, order=2, size="h4", mb="xs"), *content],
        className="card wide" if wide else "card",
    )


def made(report: VersionReport, context: Context) -> Any:
    """What it is and how it was made, with links into MLflow and Airflow."""
    links = [
        html.A(name, href=url, target="_blank", rel="noreferrer")
        for name, url in facts.links(report, context)
    ]
    return section(
        f"Version {report.version} of {context.store.model}",
        facts.description_list(facts.made(report)),
        html.Div(links, className="links"),
    )


def verdict(report: VersionReport, context: Context) -> Any:
    """What each rule found, as a table, and how it was judged."""
    judged = report.tables.get("verdict")
    if not judged:
        return None
    rival = f"version {judged['against']}" if judged["against"] else "nothing"
    rows = [
        html.Tr(
            [
                html.Th(one["rule"], scope="row"),
                html.Td(one["outcome"], className=one["outcome"].replace(" ", "-")),
                html.Td(one["sentence"]),
            ]
        )
        for one in judged["rules"]
    ]
    head = html.Tr([html.Th(name, scope="col") for name in ("Rule", "Outcome", "What was found")])
    table = html.Table([html.Thead(head), html.Tbody(rows)], className="plain verdict-table")
    return section(
        "What the gate found",
        html.P(
            f"{'Passed' if judged['passed'] else 'Did not pass'} the gate, against {rival} in "
            "production."
        ),
        facts.scrolling(table, "What each rule found"),
        html.Ul([html.Li(note) for note in judged["notes"]], className="quiet small"),
        wide=True,
    )


def mistakes(report: VersionReport, context: Context) -> Any:
    evaluation = report.tables.get("evaluation")
    if not evaluation:
        return None
    labels = [one["label"] for one in evaluation["per_class"]]
    browsable = (
        context.reports.predictions(report) is not None
        and context.reports.test_images(report) is not None
    )
    hint = " Click a cell to see those images." if browsable else ""
    shown = len(evaluation["confused_classes"])
    cut = f" The {shown} most confused of {len(labels):,} classes." if shown < len(labels) else ""
    return section(
        "What it takes for what",
        html.P(
            f"Rows are true classes, columns what it says; {evaluation['images']:,} test images."
            + cut
            + hint,
            className="quiet small",
        ),
        html.Div(
            [
                confusion_table(evaluation, browsable),
                html.Div(id="cell-images", role="status"),
            ],
            className="confusion-and-images",
        ),
        *(mistakes_of_many(evaluation, labels, browsable) if cut else []),
        wide=True,
    )


def training(report: VersionReport, context: Context) -> Any:
    if not report.history:
        return None
    has = report.history[-1]
    return section(
        "Training",
        *(
            html.Div(
                [
                    html.Strong(metric, className="small"),
                    graph(curves(report.history, metric, percent), f"curve-{metric}",
                          f"{metric} by epoch"),
                ]
            )
            for metric, percent in (("accuracy", True), ("loss", False))
            if metric in has
        ),
    )  # fmt: skip


def by_class(report: VersionReport, context: Context) -> Any:
    evaluation = report.tables.get("evaluation")
    if not evaluation:
        return None
    certainty = html.P(evaluation["certainty"], className="quiet small")
    rows = evaluation["per_class"]
    wide = len(rows) > MOST_BARS
    title = "By class, the worst first" if wide else "Recognised, by class"
    return section(title, certainty, shares_by_class(rows), wide=wide)


def calibration(report: VersionReport, context: Context) -> Any:
    predictions = context.reports.predictions(report)
    if predictions is None:
        return None
    evaluation = report.tables.get("evaluation") or {}
    error = evaluation.get("calibration_error")
    return section(
        "Is it as often right as it is confident?",
        html.P(
            f"Expected calibration error {error:.1%}, by temperature scaling on validation images."
            if error is not None
            else "",
            className="quiet small",
        ),
        graph(
            reliability(predictions.probabilities, predictions.labels),
            "reliability",
            "Share right by confidence",
        ),
    )


def files(report: VersionReport, context: Context) -> Any:
    if not report.files:
        return None
    formats = report.tables.get("exports")
    table = facts.table_of(formats) if formats else ""
    return section(
        "Files of this version",
        facts.files_table(report.files),
        facts.scrolling(table, "Formats, as they were checked") if formats else "",
        wide=bool(formats),
    )


def history(report: VersionReport, context: Context) -> Any:
    """When production moved; asked of the registry each time, as it changes."""
    try:
        moves = promotion.history(context.store)
    except UserError:
        return None
    if not moves:
        return None
    items = [
        dmc.TimelineItem(
            title=facts.time_of_move(when), children=html.Span(what, className="quiet small")
        )
        for when, what in reversed(moves)
    ]
    return section(
        "What was in production",
        dmc.Timeline(items, active=0, bulletSize=14, lineWidth=2),
    )


def card(report: VersionReport, context: Context) -> Any:
    text = report.documents.get("card")
    return (
        section("Model card", facts.scrolling(dcc.Markdown(text), "Model card"), wide=True)
        if text
        else None
    )
