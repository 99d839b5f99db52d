"""The confusion matrix as a table of buttons: for mouse, keyboard and screen reader alike.

Of many classes the most confused ones, and a list of mistakes that can be searched by class.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import dash_mantine_components as dmc
import numpy as np
from dash import html

from dash_app.page import classes
from dash_app.page.context import Context
from dash_app.page.facts import scrolling
from dash_app.page.pictures import pixels

SHOWN = 30
#: Mistakes that are listed under the matrix of many classes.
MOST_PAIRS = 40
RIGHT, WRONG = "#12b886", "#fd7e14"


def confusion_table(evaluation: dict[str, Any], browsable: bool) -> Any:
    """Counts by true (rows) and predicted class (columns); errors are tinted by their share.

    Args:
        evaluation: what was measured; of many classes its matrix has the most confused ones.
    """
    numbers, every = evaluation["confused_classes"], evaluation["per_class"]
    labels = [every[number]["label"] for number in numbers]
    head = html.Tr(
        [html.Td(""), *(html.Th(label, scope="col", title="says " + label) for label in labels)]
    )
    rows = [
        html.Tr(
            [
                html.Th(labels[i], scope="row"),
                *(
                    html.Td(_cell((i, j), (numbers[i], numbers[j]), row, labels, total, browsable))
                    for j in range(len(row))
                ),
            ]
        )
        for i, (row, total) in enumerate(
            zip(
                evaluation["confusion"],
                [every[number]["support"] for number in numbers],
                strict=True,
            )
        )
    ]
    table = html.Table([html.Thead(head), html.Tbody(rows)], className="confusion")
    return scrolling(table, "Confusion matrix")


def confused_pairs(pairs: list[Any], labels: list[str], browsable: bool) -> Any:
    """The most frequent mistakes as a list of buttons.

    Args:
        pairs: (true, predicted, images), the most frequent first.
        labels: of all classes.
    """
    if not pairs:
        return html.P("No mistakes.", className="quiet")
    items = [
        html.Li(
            html.Button(
                [html.Strong(labels[true]), " taken for ", html.Strong(labels[said]), f": {n:,}"],
                id={"pair": f"{true}-{said}"},
                className="pair-button",
                disabled=not browsable,
            )
        )
        for true, said, n in pairs[:MOST_PAIRS]
    ]
    more = len(pairs) - len(items)
    cut = f"The {len(items)} most frequent of {len(pairs):,} kinds of mistakes." if more else ""
    return [html.Ol(items, className="pairs"), html.P(cut, className="quiet small")]


def mistakes_of_many(evaluation: dict[str, Any], labels: list[str], browsable: bool) -> list[Any]:
    """The mistakes that the matrix has no room for, by class."""
    pairs = confused_pairs(evaluation["confused_pairs"], labels, browsable)
    return [
        dmc.Select(
            id="confused-class",
            label="Mistakes with",
            clearable=True,
            maw=420,
            mt="md",
            **classes.SEARCH,
            **classes.choice(labels) | {"placeholder": f"any of {len(labels):,} classes"},
        ),
        html.Div(pairs, id="confused-pairs", role="status"),
    ]


def pairs_of_class(context: Context, version: str, label: str | None) -> Any:
    """:func:`confused_pairs` of one class, as what is or what was said; None: of all.

    Raises:
        UserError: MLflow is away, and they were not read before.
    """
    report = context.reports.report(version)
    labels = [one["label"] for one in report.tables["evaluation"]["per_class"]]
    predictions = context.reports.predictions(report)
    images = context.reports.test_images(report)
    if predictions is None or label not in labels:
        pairs = report.tables["evaluation"]["confused_pairs"]
        return confused_pairs(pairs, labels, predictions is not None and images is not None)
    truth, said, wanted = predictions.labels, predictions.predicted, labels.index(label)
    chosen = (truth != said) & ((truth == wanted) | (said == wanted))
    found = Counter(zip(truth[chosen].tolist(), said[chosen].tolist(), strict=True))
    pairs = [(*pair, count) for pair, count in found.most_common()]
    return confused_pairs(pairs, labels, images is not None)


def _cell(
    at: tuple[int, int],
    pair: tuple[int, int],
    row: list[int],
    labels: list[str],
    total: int,
    browsable: bool,
) -> Any:
    """A cell of the matrix: its place, the numbers of the two classes, images of the true one."""
    i, j = at
    share = row[j] / max(1, total)
    # The square root lets an error of one in a hundred be seen.
    tint = 55 * share if i == j else 100 * min(1.0, (share * 2) ** 0.5)
    words = f"true {labels[i]}, said {labels[j]}: {row[j]:,} images"
    return html.Button(
        f"{row[j]:,}" if row[j] else "·",
        id={"cell": f"{pair[0]}-{pair[1]}"},
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
