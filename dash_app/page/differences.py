"""Two versions on the whole test set: figures, and the images on which they differ."""

from __future__ import annotations

from typing import Any

import dash_mantine_components as dmc
import numpy as np
from dash import Dash, Input, Output, html, no_update

from dash_app.page.context import Context
from dash_app.page.figures import ACCENT, OTHER, accuracy_by_class, graph
from dash_app.page.pictures import pixels
from dash_app.status import public
from model_zoo.errors import UserError
from model_zoo.judging.paired import compare
from model_zoo.registry.version_report import TestPredictions, VersionReport

KINDS = {
    "all": "all on which they differ",
    "production": "only production is right",
    "other": "only the other is right",
    "neither": "both wrong, differently",
}
PER_PAGE = 24


def layout() -> Any:
    return html.Section(
        [
            dmc.Title("Images on which they differ", order=2, size="h4", mb="xs"),
            dmc.Group(
                [
                    dmc.Select(
                        id="difference-kind",
                        label="Which",
                        data=[{"value": key, "label": words} for key, words in KINDS.items()],
                        value="all",
                        allowDeselect=False,
                    ),
                    dmc.Select(
                        id="difference-class", label="True class", data=["all"], value="all",
                        allowDeselect=False,
                    ),
                ]
            ),
            html.Div(id="difference-count", role="status", className="quiet small"),
            html.Div(id="difference-images", className="shots"),
            dmc.Pagination(
                id="difference-page", total=1, value=1, mt="md", withControls=False
            ),
        ],
        id="differences",
        className="hidden",
    )  # fmt: skip


def register(app: Dash, context: Context) -> None:
    @app.callback(
        Output("difference-images", "children"),
        Output("difference-count", "children"),
        Output("difference-page", "total"),
        Output("difference-class", "data"),
        Output("differences", "className"),
        Input("other-version", "value"),
        Input("difference-kind", "value"),
        Input("difference-class", "value"),
        Input("difference-page", "value"),
        Input("shown-version", "data"),
        Input("tabs", "value"),
    )
    def browse(
        other: str | None,
        kind: str,
        label: str,
        page: int,
        production: str | None,
        tab: str,
    ) -> tuple[Any, ...]:
        if tab != "compare":
            return (no_update,) * 5
        nothing: tuple[Any, ...] = ([], "", 1, ["all"], "hidden")
        if not other or not production or other == production:
            return nothing
        try:
            both = both_on_the_test_set(context, production, other)
            images = context.reports.test_images(both[0][0])
        except UserError as error:
            return [], public(error), 1, ["all"], "hidden"
        if both[0][1] is None or images is None:
            return nothing
        labels = labels_of(both[0][0])
        members = differing(both[0][1], both[1][1], kind)
        members = members[members < len(images)]
        truth = both[0][1].labels
        if label in labels:
            members = members[truth[members] == labels.index(label)]
        pages = max(1, -(-len(members) // PER_PAGE))
        start = PER_PAGE * (min(max(page or 1, 1), pages) - 1)
        shots = [
            _shot(images[i], int(i), both[0][1], both[1][1], labels, other)
            for i in members[start : start + PER_PAGE]
        ]
        return shots, f"{len(members):,} images", pages, ["all", *labels], "card"


def both_on_the_test_set(
    context: Context, production: str, other: str
) -> tuple[tuple[VersionReport, Any], tuple[VersionReport, Any]]:
    """Reports and test predictions of both; the predictions None unless both have the same set.

    Raises:
        UserError: a version is unknown, or MLflow is away and was not asked before.
    """
    reports = context.reports.report(production), context.reports.report(other)
    found = [context.reports.predictions(one) for one in reports]
    comparable = (
        all(one is not None for one in found)
        and reports[0].dataset_digest == reports[1].dataset_digest
    )
    return (reports[0], found[0] if comparable else None), (
        reports[1],
        found[1] if comparable else None,
    )


def labels_of(report: VersionReport) -> list[str]:
    return [str(one["label"]) for one in report.tables["evaluation"]["per_class"]]


def differing(ours: TestPredictions, theirs: TestPredictions, kind: str) -> np.ndarray:
    """Indices of the test images of one of :data:`KINDS`."""
    truth = ours.labels
    differ = ours.predicted != theirs.predicted
    of_kind = {
        "production": ours.predicted == truth,
        "other": theirs.predicted == truth,
        "neither": (ours.predicted != truth) & (theirs.predicted != truth),
    }
    return np.flatnonzero(differ & of_kind.get(kind, np.ones_like(differ)))


def summary(context: Context, production: str, other: str) -> Any:
    """Accuracy by class, agreement, and who is right where they differ.

    Raises:
        UserError: as :func:`both_on_the_test_set`.
    """
    (report, ours), (their_report, theirs) = both_on_the_test_set(context, production, other)
    if ours is None or theirs is None:
        return _section(html.P(_why_not(report, their_report), className="quiet"))
    right, theirs_right = ours.predicted == ours.labels, theirs.predicted == ours.labels
    paired = compare(right, theirs_right)
    agreement = float((ours.predicted == theirs.predicted).mean())
    numbers = [
        (f"{paired['candidate_accuracy']:.2%}", f"production, version {production}"),
        (f"{paired['production_accuracy']:.2%}", f"version {other}"),
        (f"{agreement:.1%}", "give the same answer"),
        (f"{paired['only_candidate_right']:,}", "only production is right"),
        (f"{paired['only_production_right']:,}", f"only version {other} is right"),
    ]
    labels = labels_of(report)
    members = [ours.labels == i for i in range(len(labels))]
    shares = [np.array([values[one].mean() for one in members]) for values in (right, theirs_right)]
    words = (
        f"Production is {abs(paired['difference']):.2%} "
        f"{'better' if paired['difference'] >= 0 else 'worse'} on the same {paired['images']:,} "
        f"images (95 % interval {paired['difference_low']:+.2%} to "
        f"{paired['difference_high']:+.2%}; exact McNemar p = {paired['p_value']:.2g})."
    )
    return _section(
        html.Div(
            [html.Div([html.Strong(n), html.Span(text, className="quiet small")],
                      className="number") for n, text in numbers],
            className="numbers",
        ),
        html.P(words, className="quiet small"),
        graph(
            accuracy_by_class(
                tuple(labels),
                [
                    (f"production, version {production}", shares[0], ACCENT),
                    (f"version {other}", shares[1], OTHER),
                ],
            ),
            "compare-classes",
            "Share recognised by class, both versions",
        ),
    )  # fmt: skip


def _section(*content: Any) -> Any:
    title = dmc.Title("The test set", order=2, size="h4", mb="xs")
    return html.Section([title, *content], className="card")


def _why_not(ours: VersionReport, theirs: VersionReport) -> str:
    if ours.dataset_digest != theirs.dataset_digest:
        return "The two were measured on different data: their figures cannot be compared."
    return "What one of the two predicted for the test images is not recorded in MLflow."


def _shot(
    image: np.ndarray,
    place: int,
    ours: TestPredictions,
    theirs: TestPredictions,
    labels: list[str],
    other: str,
) -> Any:
    truth = int(ours.labels[place])

    def words(name: str, found: TestPredictions) -> Any:
        said = int(found.predicted[place])
        share = float(found.probabilities[place, said])
        sign = "✓" if said == truth else "✗"
        return html.Div(f"{name}: {labels[said]} {share:.0%} {sign}")

    return html.Figure(
        [
            pixels(image, f"test image {place}, {labels[truth]}"),
            html.Figcaption(
                [
                    html.Strong(labels[truth]),
                    words("production", ours),
                    words(f"version {other}", theirs),
                ]
            ),
        ],
        className="shot",
    )
