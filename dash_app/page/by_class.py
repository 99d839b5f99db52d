"""How good a version is at each class: bars of few classes, a table to be searched of many."""

from __future__ import annotations

from typing import Any

import dash_ag_grid as dag

from dash_app.page.figures import ACCENT, accuracy_by_class, graph

#: Classes that have a bar each.
MOST_BARS = 30


def shares_by_class(rows: list[dict[str, Any]]) -> Any:
    """Bars of the share that is recognised, or a table.

    Args:
        rows: ``per_class`` of what was measured.
    """
    if len(rows) > MOST_BARS:
        return _table(rows)
    series = [("recognised", [one["recall"] for one in rows], ACCENT)]
    figure = accuracy_by_class(tuple(one["label"] for one in rows), series)
    return graph(figure, "by-class", "Share recognised by class")


def _table(rows: list[dict[str, Any]]) -> Any:
    """Each class with its figures, to be sorted and searched."""
    percent = {
        "filter": False,
        "valueFormatter": {"function": "d3.format('.1%')(params.value)"},
        "maxWidth": 140,
    }
    named = [
        {
            "class": one["label"],
            "F1": one["f1"],
            "recognised": one["recall"],
            "at least": one["recall_low"],
            "at most": one["recall_high"],
            "precision": one["precision"],
            "images": one["support"],
        }
        for one in sorted(rows, key=lambda one: one["f1"])
    ]
    search = {"filter": "agTextColumnFilter", "floatingFilter": True, "minWidth": 160}
    columns = [
        {"field": "class", "pinned": "left", **search},
        *({"field": name, **percent} for name in list(named[0])[1:-1]),
        {"field": "images", "filter": False, "maxWidth": 110},
    ]
    return dag.AgGrid(
        id="table-of-classes",
        rowData=named,
        columnDefs=columns,
        defaultColDef={"sortable": True, "resizable": True, "minWidth": 100},
        dashGridOptions={
            "pagination": True,
            "paginationPageSize": 20,
            "animateRows": False,
            "domLayout": "autoHeight",
        },
        columnSize="responsiveSizeToFit",
        style={"width": "100%"},
    )
