"""Two versions on the whole test set: figures, classes, slices and corruptions, what each costs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import dash_mantine_components as dmc
from dash import html

from dash_app.page import facts
from dash_app.page.figures import changes, graph
from model_zoo.comparison import Comparison, Figure, Part
from model_zoo.comparison.words import between, number, signed

MOST_PARTS = 20  # rows of a table; the clearest changes come first


def summary(found: Comparison) -> Any:
    """Everything about the test set but the single images."""
    first, second = found.first.version, found.second.version
    return [
        _card("The test set", *_headline(found), _figures(found.figures, first, second)),
        *_parts_card("Classes", "class", found.classes, first, second, chart=True),
        *_parts_card("Slices", "slice", found.slices, first, second),
        *_parts_card("Corrupted images", "corruption", found.corruptions, first, second),
        _card("What the served file costs", _costs(found, first, second)),
    ]


def _card(title: str, *content: Any) -> Any:
    return html.Section([dmc.Title(title, order=2, size="h4", mb="xs"), *content], className="card")


def _headline(found: Comparison) -> list[Any]:
    notes = html.Ul([html.Li(one) for one in found.notes], className="small") if found.notes else ""
    if not len(found.common):
        return [notes]
    common = found.common
    agreement = float((common.of_first == common.of_second).mean())
    numbers = [
        (f"{agreement:.1%}", "give the same answer"),
        (f"{len(found.differing('first')):,}", "only production is right"),
        (f"{len(found.differing('second')):,}", f"only version {found.second.version} is right"),
    ]
    return [
        html.P(
            f"Version {found.second.version} against production, version {found.first.version}, on "
            f"the same {len(common):,} test images.",
        ),
        notes,
        html.Div(
            [
                html.Div([html.Strong(n), html.Span(text, className="quiet small")],
                         className="number")
                for n, text in numbers
            ],
            className="numbers",
        ),
    ]  # fmt: skip


def _figures(figures: Sequence[Figure], first: str, second: str) -> Any:
    rows = []
    for one in figures:
        percent = one.name not in ("brier", "log_loss")
        rows.append(
            [
                one.title,
                number(one.first, percent),
                number(one.second, percent),
                signed(one.difference, percent),
                between(one.low, one.high, percent),
                one.second_is,
            ]
        )
    return _table(
        ("Figure", f"Production, {first}", f"Version {second}", "Difference", "95 % interval",
         "It is"),
        rows, "Figures of both versions",
    )  # fmt: skip


def _parts_card(
    title: str, kind: str, parts: Sequence[Part], first: str, second: str, chart: bool = False
) -> list[Any]:
    if not parts:
        return []
    changed = [one for one in parts if one.second_is]
    judged = sum(one.p_value is not None for one in parts)
    said = (
        f"{len(changed)} of {judged} changed with evidence"
        if judged
        else f"No {kind} has images enough to judge"
    )
    rows = [
        [
            one.name,
            f"{one.images:,}",
            number(one.first),
            number(one.second),
            between(one.low, one.high),
            "too few images" if one.p_value is None else f"{one.p_value:.2g}",
            one.second_is,
        ]
        for one in parts[:MOST_PARTS]
    ]
    table = _table(
        (kind.capitalize(), "Images", f"Production, {first}", f"Version {second}",
         "95 % interval, points", "p, corrected", "It is"),
        rows, title,
    )  # fmt: skip
    more = len(parts) - MOST_PARTS
    return [
        _card(
            title,
            html.P(
                f"{said}: exact McNemar tests, corrected by Holm's procedure for their number. "
                "Each interval is of its row alone."
                + (f" The {MOST_PARTS} clearest are shown, {more:,} are not." if more > 0 else ""),
                className="quiet small",
            ),
            *([graph(changes(parts[:MOST_PARTS]), "compare-classes",
                     "Change of the share recognised by class, with its interval")]
              if chart else []),
            table,
        )
    ]  # fmt: skip


def _costs(found: Comparison, first: str, second: str) -> Any:
    a, b = found.costs
    size = [facts.readable(one.bytes) if one.bytes else "not recorded" for one in (a, b)]
    latency = [
        "not recorded" if one.latency_ms is None else f"{one.latency_ms:.2f} ms" for one in (a, b)
    ]
    rows = [["File", a.file, b.file], ["Size", *size], ["One image", *latency]]
    return html.Div(
        [
            _table(("", f"Production, {first}", f"Version {second}"), rows, "Cost of both files"),
            html.P(f"{found.timed[0].upper()}{found.timed[1:]}.", className="quiet small"),
        ]
    )


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]], name: str) -> Any:
    """The first column names the row; the others are numbers, but for words like ``worse``."""
    head = [
        html.Th(one, scope="col", className="right" if place else "")
        for place, one in enumerate(columns)
    ]
    body = [
        html.Tr(
            [
                html.Th(row[0], scope="row"),
                *(html.Td(one, className=f"right {one}".strip()) for one in row[1:]),
            ]
        )
        for row in rows
    ]
    table = html.Table([html.Thead(html.Tr(head)), html.Tbody(body)], className="plain")
    return facts.scrolling(table, name)
