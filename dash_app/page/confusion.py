"""The confusion matrix as a table of buttons: for mouse, keyboard and screen reader alike."""

from __future__ import annotations

from typing import Any

import numpy as np
from dash import html

from dash_app.page.context import Context
from dash_app.page.facts import scrolling
from dash_app.page.pictures import pixels

SHOWN = 30
RIGHT, WRONG = "#12b886", "#fd7e14"


def confusion_table(confusion: list[list[int]], labels: list[str], browsable: bool) -> Any:
    """Counts by true (rows) and predicted class (columns); errors are tinted by their share."""
    head = html.Tr(
        [html.Td(""), *(html.Th(label, scope="col", title="says " + label) for label in labels)]
    )
    rows = [
        html.Tr(
            [
                html.Th(labels[i], scope="row"),
                *(html.Td(_cell(i, j, row, labels, browsable)) for j in range(len(row))),
            ]
        )
        for i, row in enumerate(confusion)
    ]
    table = html.Table([html.Thead(head), html.Tbody(rows)], className="confusion")
    return scrolling(table, "Confusion matrix")


def _cell(i: int, j: int, row: list[int], labels: list[str], browsable: bool) -> Any:
    share = row[j] / max(1, sum(row))
    # The square root lets an error of one in a hundred be seen.
    tint = 55 * share if i == j else 100 * min(1.0, (share * 2) ** 0.5)
    words = f"true {labels[i]}, said {labels[j]}: {row[j]:,} images"
    return html.Button(
        f"{row[j]:,}" if row[j] else "·",
        id={"cell": f"{i}-{j}"},
        className="cell right" if i == j else "cell",
        disabled=not browsable or not row[j],
        title=words,
        style={"--tint": RIGHT if i == j else WRONG, "--share": f"{tint:.0f}%"},
        **{"aria-label": words, "aria-pressed": "false"},  # type: ignore[arg-type]
    )


def images_of_cell(context: Context, version: str, true: int, predicted: int) -> Any:
    """The test images of one cell, the most confident first.

    Raises:
        UserError: MLflow is away, and they were not read before.
    """
    report = context.reports.report(version)
    predictions = context.reports.predictions(report)
    images = context.reports.test_images(report)
    labels = [one["label"] for one in report.tables["evaluation"]["per_class"]]
    if predictions is None or images is None or max(true, predicted) >= len(labels):
        return "These images are not recorded."
    members = np.flatnonzero((predictions.labels == true) & (predictions.predicted == predicted))
    total, members = len(members), members[members < len(images)]
    confidence = predictions.probabilities[members, predicted].astype(np.float64)
    members = members[np.argsort(-confidence)]
    title = f"{labels[true]}, taken for {labels[predicted]}: {total:,} images"
    if len(members) > SHOWN:
        title += f", the {SHOWN} most confident"
    shots = [
        html.Figure(
            [
                pixels(images[i], f"test image {i}"),
                html.Figcaption(f"{float(predictions.probabilities[i, predicted]):.0%} confident"),
            ],
            className="shot",
        )
        for i in members[:SHOWN]
    ]
    return [html.H3(title, className="small"), html.Div(shots, className="shots")]
