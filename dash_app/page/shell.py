"""What surrounds the tabs: the head with the serving version, notices, light and dark."""

from __future__ import annotations

from typing import Any, Protocol

import dash_mantine_components as dmc
from dash import ClientsideFunction, Dash, Input, Output, State, dcc, html, no_update

from dash_app.page.context import Context
from dash_app.settings import PageSettings
from dash_app.status import Listed, status_of
from dash_app.uploads import MIB, ROOM_FOR_BASE64
from model_zoo.predictor import NothingInProduction
from model_zoo.registry.set_by_hand import share_in

THEME = {
    "primaryColor": "teal",
    "primaryShade": {"light": 9, "dark": 5},
    "autoContrast": True,
    "defaultRadius": "md",
    "fontFamily": "Inter, system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif",
    "headings": {"fontWeight": "650"},
}
NAMES = {
    "predict": "Predict",
    "compare": "Compare",
    "batch": "Batch",
    "model": "Model",
    "data": "Data",
    "review": "Review",
}
SLOWEST_TICK = 3.0  # seconds between looks at the version, so that a move shows within ten


def layout(tabs: dict[str, Any], context: Context) -> dmc.MantineProvider:
    """The whole page around the content of each tab."""
    tick = min(context.serving.poll_seconds, SLOWEST_TICK)
    head = html.Header(
        dmc.Container(
            dmc.Group(
                [
                    dmc.Title("Catwalk", order=1, className="brand"),
                    project_choice(context.project.name),
                    html.Div(id="serving", className="serving"),
                    dmc.ColorSchemeToggle(
                        lightIcon=html.Span("☀", className="sign"),
                        darkIcon=html.Span("☾", className="sign"),
                        variant="default",
                        size="lg",
                        **{"aria-label": "Light or dark"},
                    ),
                ],
                justify="space-between",
                wrap="nowrap",
                gap="sm",
            ),
            size="xl",
        ),
        className="head",
    )
    body = dmc.Tabs(
        [
            dmc.TabsList([dmc.TabsTab(NAMES[name], value=name) for name in tabs], mb="lg"),
            *(dmc.TabsPanel(content, value=name) for name, content in tabs.items()),
        ],
        id="tabs",
        value="predict",
        keepMounted=True,
    )
    return dmc.MantineProvider(
        [
            html.A("To the content", href="#content", className="skip"),
            head,
            html.Main(
                dmc.Container(
                    [
                        html.Div(id="trouble", role="alert", className="trouble hidden"),
                        html.Div(id="banner", role="status"),
                        body,
                    ],
                    size="xl",
                ),
                id="content",
                tabIndex=-1,
                **{  # type: ignore[arg-type]
                    "data-most-bytes": str(most_bytes(context.page)),
                    "data-project": context.project.name,
                },
            ),
            dcc.Interval(id="tick", interval=int(tick * 1000)),
            dcc.Location(id="where", refresh=False),
            dcc.Store(id="shown-version"),
            dcc.Store(id="shown-banner"),
            dcc.Store(id="gone-to"),
        ],
        id="theme",
        theme=THEME,
        defaultColorScheme="auto",
    )


class Choices(Protocol):
    """Who knows the projects that this server has."""

    def listed(self) -> list[Listed]: ...


def project_choice(name: str) -> Any:
    """Where people go to another project; hidden while there is only one."""
    return html.Div(
        dmc.Select(
            id="project",
            data=[{"value": name, "label": name}],
            value=name,
            searchable=True,
            allowDeselect=False,
            nothingFoundMessage="no such project",
            size="sm",
            comboboxProps={"width": 320, "position": "bottom-start"},
            **{"aria-label": "Project"},
        ),
        id="project-box",
        className="hidden",
    )


def choices_of(listed: list[Listed]) -> list[dict[str, str]]:
    """What the choice offers: those in production, then the others with what they lack."""
    words = [
        (one, one.name if one.version else f"{one.name} · {_lacks(one)}")
        for one in sorted(listed, key=lambda one: (not one.version, one.name))
    ]
    return [{"value": one.name, "label": label} for one, label in words]


def _lacks(one: Listed) -> str:
    return "cannot be used" if one.broken else "not in production"


def most_bytes(page: PageSettings) -> int:
    """What may be dropped at once: as base64, in JSON, it must pass the server's own limit."""
    return int(page.max_upload_mb * MIB * ROOM_FOR_BASE64 * 0.7)


def register(app: Dash, context: Context, choices: Choices) -> None:
    app.clientside_callback(
        ClientsideFunction("catwalk", "go_to_project"),
        Output("gone-to", "data"),
        Input("project", "value"),
        State("where", "hash"),
        prevent_initial_call=True,
    )

    # A link to /#model opens that tab.
    app.clientside_callback(
        ClientsideFunction("catwalk", "open_tab"),
        Output("tabs", "value"),
        Input("where", "hash"),
        State("tabs", "value"),
    )

    @app.callback(
        Output("serving", "children"),
        Output("banner", "children"),
        Output("shown-version", "data"),
        Output("shown-banner", "data"),
        Output("project", "data"),
        Output("project-box", "className"),
        Input("tick", "n_intervals"),
        State("shown-version", "data"),
        State("shown-banner", "data"),
        State("project", "data"),
    )
    def look(
        _: int | None, shown: str | None, said: str | None, offered: list[dict[str, str]]
    ) -> tuple[Any, ...]:
        """Which version answers, and which projects there are; what is unchanged stays."""
        status = status_of(context.predictor)
        version = status.version or ""
        problem = status.problem or ""
        there = choices_of(choices.listed())
        return (
            no_update if shown == version else serving(context),
            no_update if said == problem else banner(problem, bool(version)),
            no_update if shown == version else version,
            no_update if said == problem else problem,
            no_update if offered == there else there,
            "project-box" if len(there) > 1 else "hidden",
        )


def banner(problem: str, serving: bool) -> Any:
    """Discreet while the last good version answers, plain when nothing can."""
    if not problem:
        return []
    return dmc.Alert(
        problem[:1].upper() + problem[1:] + ".",
        color="gray" if serving else "orange",
        variant="light",
        mb="md",
        className="banner",
    )


def serving(context: Context) -> list[Any]:
    """Which version of which model answers, and what a reader has to know about it."""
    try:
        current = context.predictor.current
    except NothingInProduction:
        return [dmc.Badge("nothing in production", id="version", color="orange", variant="light")]
    tags = current.tags
    facts = [tags.get("backbone", "")]
    accuracy = share_in(tags, "accuracy")
    if accuracy is not None:
        facts.append(f"test accuracy {accuracy:.1%}")
    parts: list[Any] = [
        html.Span(
            [
                html.Span(f"{context.store.model} ", className="wide-only"),
                f"version {current.version}",
            ],
            id="version",
        ),
        html.Span(" · ".join(filter(None, facts)), className="quiet wide-only"),
    ]
    if current.generated:
        parts.append(dmc.Badge("trained on generated images", color="orange", variant="light"))
    if tags.get("weights") == "none":
        parts.append(
            dmc.Badge("trained from scratch", color="gray", variant="light", className="wide-only")
        )
    return parts
