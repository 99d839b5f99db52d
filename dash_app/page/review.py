"""Tab Review: what people said of answers, decided on; and which images to label next."""

from __future__ import annotations

from typing import Any

import dash_mantine_components as dmc
from dash import ALL, ClientsideFunction, Dash, Input, Output, State, ctx, dcc, html, no_update
from flask import request

from dash_app.page import classes
from dash_app.page.context import Context
from dash_app.page.review_cards import cards_of, cards_to_label
from dash_app.security import is_token
from dash_app.sending import reviewer_of
from dash_app.status import public
from model_zoo.data.corrections.ranking import label_unlabelled, ranking_of
from model_zoo.data.corrections.together import by_picture
from model_zoo.errors import UserError

SHOWN = 12  # pictures at once
VIEWS = {"waiting": "Waiting", "accepted": "Accepted", "label": "To label"}
NO_ACCESS = "This needs the token of the server, which the API asks for too."
DECISIONS = {
    "review-accept": "accepted",
    "review-relabel": "relabelled",
    "review-reject": "rejected",
}


def layout(context: Context) -> Any:
    needed = context.token is not None
    return html.Div(
        [
            html.Div(
                dmc.PasswordInput(
                    id="review-token",
                    label="Token of the server",
                    description="Who decides for everybody shows it: nothing is trained on before.",
                    maw=420,
                    mb="md",
                    debounce=400,
                ),
                className="" if needed else "hidden",
            ),
            dmc.SegmentedControl(
                id="review-view",
                value="waiting",
                data=[{"value": value, "label": label} for value, label in VIEWS.items()],
                mb="md",
            ),
            html.Div(
                [
                    dmc.Checkbox(id="review-all", label="All shown", checked=False),
                    html.Div(
                        [
                            dmc.Button("Accept", id="review-accept", size="sm", variant="default"),
                            dmc.Button("Reject", id="review-reject", size="sm", variant="default"),
                        ],
                        id="review-said",
                        className="contents",
                    ),
                    dmc.Select(
                        id="review-class",
                        placeholder="it is a …",
                        data=[],
                        size="sm",
                        w=180,
                        **classes.SEARCH,
                        **{"aria-label": "What the chosen images are"},
                    ),
                    dmc.Button("Relabel", id="review-relabel", size="sm", variant="default"),
                ],
                className="review-bar",
            ),
            html.Div(id="review-message", role="status", className="message"),
            html.P(id="review-count", className="quiet"),
            dcc.Loading(
                html.Div(id="review-cards", className="review-cards"),
                delay_show=400,
                type="dot",
                color="#12b886",
            ),
            dcc.Store(id="review-done", data=0),
        ]
    )


def register(app: Dash, context: Context) -> None:
    @app.callback(
        Output("review-cards", "children"),
        Output("review-count", "children"),
        Output("review-class", "data"),
        Output("review-class", "searchable"),
        Output("review-all", "checked"),
        Input("tabs", "value"),
        Input("review-view", "value"),
        Input("review-done", "data"),
        Input("review-token", "value"),
        Input("shown-version", "data"),
    )
    def show(tab: str, view: str, _: int, token: str | None, version: str | None) -> Any:
        if tab != "review":
            return (no_update,) * 5
        if not is_token(token, context.token):
            return [], NO_ACCESS, [], False, False
        labels = list(context.predictor.current.labels) if version else []
        try:
            cards, words = _shown(context, view)
        except UserError as error:
            cards, words = [], public(error)
        return cards, words, labels, classes.is_many(labels), False

    @app.callback(
        Output("review-said", "className"),
        Output("review-relabel", "children"),
        Input("review-view", "value"),
    )
    def offer(view: str) -> tuple[str, str]:
        """Of an image that nobody has labelled there is nothing to accept or to reject."""
        return ("hidden", "Label") if view == "label" else ("contents", "Relabel")

    # In the browser: a button that is pressed right afterwards must see them chosen.
    app.clientside_callback(
        ClientsideFunction("catwalk", "pick_all"),
        Output({"review-pick": ALL}, "checked"),
        Input("review-all", "checked"),
        State({"review-pick": ALL}, "checked"),
        prevent_initial_call=True,
    )

    @app.callback(
        Output("review-message", "children"),
        Output("review-done", "data"),
        Input("review-accept", "n_clicks"),
        Input("review-reject", "n_clicks"),
        Input("review-relabel", "n_clicks"),
        State({"review-pick": ALL}, "checked"),
        State({"review-pick": ALL}, "id"),
        State("review-class", "value"),
        State("review-view", "value"),
        State("review-token", "value"),
        State("review-done", "data"),
        prevent_initial_call=True,
    )
    def decide(
        _: int | None,
        __: int | None,
        ___: int | None,
        checked: list[bool],
        ids: list[dict[str, str]],
        label: str | None,
        view: str,
        token: str | None,
        done: int,
    ) -> tuple[Any, Any]:
        if not is_token(token, context.token):
            return NO_ACCESS, no_update
        chosen = [
            one["review-pick"] for one, is_chosen in zip(ids, checked, strict=True) if is_chosen
        ]
        try:
            said = _decided(context, str(ctx.triggered_id), view, chosen, label or "")
        except UserError as error:
            return public(error), no_update
        return said, done + 1


def _shown(context: Context, view: str) -> tuple[list[Any], str]:
    """The cards of a view, and how many there are in words."""
    if view == "label":
        ranking = ranking_of(context.corrections)
        if ranking is None:
            return [], (
                "No unlabelled images were looked at: name their folder in data.unlabelled; a run "
                "ranks them, or `catwalk review next`."
            )
        words = (
            f"{ranking.count:,} unlabelled images, looked at by version {ranking.version}: those "
            "first whose labels tell most."
        )
        if len(ranking.first) > SHOWN:
            words += f" {SHOWN} are shown."
        return cards_to_label(context, ranking.first[:SHOWN]), words
    every = context.corrections.all()
    if view == "accepted":
        groups = by_picture(reversed([one for one in every if one.is_accepted]))
        words = f"{len(groups):,} pictures were accepted; the newest first."
    else:
        groups = by_picture(one for one in every if one.state == "waiting")
        words = (
            f"{len(groups):,} pictures wait for review; nothing is trained on before."
            if groups
            else "Nothing waits for review."
        )
    if len(groups) > SHOWN:
        words += f" {SHOWN} are shown."
    return cards_of(context, groups[:SHOWN]), words


def _decided(context: Context, button: str, view: str, chosen: list[str], label: str) -> str:
    """Note the decision; what was done, in words.

    Raises:
        UserError: nothing is chosen, no class for another label, or somebody was quicker.
    """
    if not chosen:
        raise UserError("choose one or more pictures first")
    state, who = DECISIONS[button], reviewer_of(request, context.page)
    if view == "label":
        if state != "relabelled" or not label:
            raise UserError("choose what the images are, then Label")
        for digest in chosen:
            label_unlabelled(context.corrections, digest, label, who)
        return f"{len(chosen):,} labelled as {label}: the next run trains on them."
    if state == "relabelled" and not label:
        raise UserError("choose what the images are first")
    given = label if state == "relabelled" else ""
    context.corrections.decide(chosen, state, who, given)  # type: ignore[arg-type]
    return f"{len(chosen):,} {state}{f' as {given}' if given else ''}."
