"""Images on which two versions differ, the most confident mistake first."""

from __future__ import annotations

from typing import Any

import dash_mantine_components as dmc
from dash import Dash, Input, Output, html, no_update

from dash_app.page.context import Context
from dash_app.page.pictures import pixels
from dash_app.status import public
from model_zoo.comparison import Comparison
from model_zoo.errors import UserError

KINDS = {
    "all": "all on which they differ",
    "first": "only production is right",
    "second": "only the other is right",
    "neither": "both wrong, differently",
}
EVERYTHING = "all"
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
                        id="difference-part",
                        label="True class, or slice",
                        data=[EVERYTHING],
                        value=EVERYTHING,
                        allowDeselect=False,
                        searchable=True,
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
        Output("difference-part", "data"),
        Output("differences", "className"),
        Input("other-version", "value"),
        Input("difference-kind", "value"),
        Input("difference-part", "value"),
        Input("difference-page", "value"),
        Input("shown-version", "data"),
        Input("tabs", "value"),
    )
    def browse(
        other: str | None,
        kind: str,
        part: str,
        page: int,
        production: str | None,
        tab: str,
    ) -> tuple[Any, ...]:
        if tab != "compare":
            return (no_update,) * 5
        nothing: tuple[Any, ...] = ([], "", 1, [EVERYTHING], "hidden")
        if not other or not production or other == production:
            return nothing
        try:
            found = context.comparisons.between(production, other)
        except UserError as error:
            return [], public(error), 1, [EVERYTHING], "hidden"
        if found.images is None or not len(found.common):
            return nothing
        places = found.differing(
            kind if kind in KINDS else "all", part if part in found.members else ""
        )
        places = places[found.common.first[places] < len(found.images)]
        pages = max(1, -(-len(places) // PER_PAGE))
        start = PER_PAGE * (min(max(page or 1, 1), pages) - 1)
        shots = [_shot(found, int(one)) for one in places[start : start + PER_PAGE]]
        count = f"{len(places):,} images, the most confident mistakes first"
        return shots, count, pages, [EVERYTHING, *found.members], "card"


def _shot(found: Comparison, place: int) -> Any:
    common, image = found.common, found.image(place)
    assert image is not None
    truth = int(common.truth[place])

    def words(name: str, side: int) -> Any:
        said = int((common.of_first, common.of_second)[side][place])
        sign = "✓" if said == truth else "✗"
        return html.Div(f"{name}: {common.labels[said]} {found.confidence(side)[place]:.0%} {sign}")

    return html.Figure(
        [
            pixels(image, f"test image {common.first[place]}, {common.labels[truth]}"),
            html.Figcaption(
                [
                    html.Strong(common.labels[truth]),
                    words("production", 0),
                    words(f"version {found.second.version}", 1),
                ]
            ),
        ],
        className="shot",
    )
