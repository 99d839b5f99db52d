"""Tab Batch: a ZIP or many files in, a table out, and that table as CSV."""

from __future__ import annotations

import csv
import io
from typing import Any

import dash_ag_grid as dag
import dash_mantine_components as dmc
from dash import Dash, Input, Output, State, dcc, html, no_update

from dash_app.page.classes import is_many
from dash_app.page.context import Context
from dash_app.settings import PageSettings
from dash_app.status import public
from dash_app.uploads import MIB, ROOM_FOR_BASE64, Refusal, TooLarge, from_browser, unpacked
from model_zoo.errors import UserError
from model_zoo.predictor import Answer, Prediction

FIRST = ("file", "label", "confidence", "doubts", "version")
#: Of many classes the table names the label and these.
NEXT_LABELS = ("second", "third")
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def layout(context: Context) -> Any:
    page = context.page
    return html.Div(
        [
            dcc.Upload(
                id="batch-upload",
                children=html.Div(
                    [
                        html.Strong("Drop a ZIP or many pictures here"),
                        html.Div(
                            f"at most {page.max_images:,} pictures, "
                            f"{page.max_upload_mb:g} MiB a file. Nothing is kept.",
                            className="quiet small",
                        ),
                    ]
                ),
                multiple=True,
                className="drop",
                className_active="drop drop-active",
            ),
            html.Div(id="batch-message", role="alert", className="message batch-message"),
            html.Div(
                [
                    dmc.Group(
                        [
                            html.Div(id="batch-summary", role="status"),
                            dmc.Button("Download as CSV", id="batch-csv", variant="default"),
                        ],
                        justify="space-between",
                        my="md",
                    ),
                    dcc.Loading(table(), delay_show=400, type="dot", color="#12b886"),
                ],
                id="batch-result",
                className="hidden",
            ),
            dcc.Download(id="batch-file"),
        ]
    )


def table() -> Any:
    return dag.AgGrid(
        id="batch-table",
        rowData=[],
        columnDefs=[],
        defaultColDef={"sortable": True, "filter": True, "resizable": True, "minWidth": 110},
        dashGridOptions={
            "pagination": True,
            "paginationPageSize": 50,
            "animateRows": False,
            "domLayout": "autoHeight",
            "suppressFieldDotNotation": True,  # a dot in a label is no path into the row
        },
        columnSize="responsiveSizeToFit",
        style={"width": "100%"},
    )


def register(app: Dash, context: Context) -> None:
    @app.callback(
        Output("batch-table", "rowData"),
        Output("batch-table", "columnDefs"),
        Output("batch-summary", "children"),
        Output("batch-message", "children"),
        Output("batch-result", "className"),
        Output("batch-upload", "contents"),
        Input("batch-upload", "contents"),
        State("batch-upload", "filename"),
        prevent_initial_call=True,
    )
    def answer(contents: list[str] | None, names: list[str] | None) -> tuple[Any, ...]:
        if not contents:
            return (no_update,) * 6
        try:
            rows, labels = answered(context, contents, names or [])
        except UserError as error:
            return no_update, no_update, no_update, public(error), no_update, None
        return rows, columns(labels), summary(rows), "", "", None

    @app.callback(
        Output("batch-file", "data"),
        Input("batch-csv", "n_clicks"),
        State("batch-table", "rowData"),
        prevent_initial_call=True,
    )
    def download(clicks: int | None, rows: list[dict] | None) -> Any:
        if not clicks or not rows:
            return no_update
        return dcc.send_string(as_csv(rows), "predictions.csv", type="text/csv")


def answered(
    context: Context, contents: list[str], names: list[str]
) -> tuple[list[dict[str, Any]], list[str]]:
    """One row for each picture, and the labels that have a column.

    Raises:
        UserError: too many, too large together, or nothing is in production.
    """
    page = context.page
    _check(contents, page)
    uploads = [
        from_browser(content, names[i] if i < len(names) else None, page)
        for i, content in enumerate(contents)
    ]
    found = context.answers.many(unpacked(uploads, page), source="batch")
    of = next((one.prediction for one in found if isinstance(one, Answer)), None)
    return [row(one) for one in found], list(shares_of(of)) if of else []


def _check(contents: list[str], page: PageSettings) -> None:
    if len(contents) > page.max_images:
        raise TooLarge(
            f"{len(contents):,} files at once; at most {page.max_images:,} are read. Send fewer"
        )
    if sum(map(len, contents)) > page.max_upload_mb * MIB * ROOM_FOR_BASE64:
        raise TooLarge("these files are too large together: send fewer at once")


def row(one: Answer | Refusal) -> dict[str, Any]:
    if isinstance(one, Refusal):
        return {"file": one.name, "label": "", "confidence": None, "doubts": one.reason}
    return {
        "file": one.name,
        "label": one.prediction.label,
        "confidence": round(one.prediction.confidence, 6),
        "doubts": "; ".join(one.doubts.as_list()),
        "version": one.version,
        **shares_of(one.prediction),
    }


def shares_of(prediction: Prediction) -> dict[str, Any]:
    """The cells of the classes: one each, or of many those that are most likely after the first."""
    if not is_many(prediction.labels):
        shares = zip(prediction.labels, prediction.probabilities, strict=True)
        return {label: round(float(share), 6) for label, share in shares}
    order = prediction.probabilities.argsort()[::-1]
    cells: dict[str, Any] = {}
    for name, number in zip(NEXT_LABELS, order[1:], strict=False):
        cells |= {
            name: prediction.labels[number],
            f"{name} confidence": round(float(prediction.probabilities[number]), 6),
        }
    return cells


def columns(labels: list[str]) -> list[dict[str, Any]]:
    number = {
        "filter": "agNumberColumnFilter",
        "valueFormatter": {
            "function": "params.value == null ? '' : d3.format('.1%')(params.value)"
        },
    }
    return [
        {"field": "file", "pinned": "left", "minWidth": 150},
        {"field": "label"},
        {"field": "confidence", **number},
        {"field": "doubts", "tooltipField": "doubts"},
        {"field": "version", "maxWidth": 110},
        *(
            {"field": label} if label in NEXT_LABELS else {"field": label, **number}
            for label in labels
        ),
    ]


def summary(rows: list[dict[str, Any]]) -> str:
    refused = sum(1 for one in rows if not one["label"])
    doubtful = sum(1 for one in rows if one["label"] and one["doubts"])
    parts = [f"{len(rows):,} pictures"]
    if refused:
        parts.append(f"{refused:,} could not be read")
    if doubtful:
        parts.append(f"{doubtful:,} with doubts")
    return ", ".join(parts)


def as_csv(rows: list[dict[str, Any]]) -> str:
    """The rows with a header; text that a spreadsheet would run as a formula gets a quote."""
    names = list(dict.fromkeys([*FIRST, *(name for one in rows for name in one)]))
    target = io.StringIO()
    writer = csv.DictWriter(target, names, restval="")
    writer.writeheader()
    for one in rows:
        writer.writerow({name: harmless(value) for name, value in one.items() if name in names})
    return target.getvalue()


def harmless(value: Any) -> Any:
    if isinstance(value, str) and value.startswith(FORMULA_STARTS):
        return f"'{value}"
    return value
