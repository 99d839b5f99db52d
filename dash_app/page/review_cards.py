"""What a reviewer sees of a correction: the picture, what was said, and what it is like."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

import dash_mantine_components as dmc
import numpy as np
from dash import html

from dash_app.page.context import Context
from dash_app.page.pictures import pixels
from model_zoo.data.corrections import Correction
from model_zoo.data.corrections.learned import Learned, lessons_of
from model_zoo.data.corrections.ranking import Unlabelled
from model_zoo.data.corrections.taken import read_taken
from model_zoo.errors import UserError
from model_zoo.images import prepare
from model_zoo.predictor import NothingInProduction, ServedClassifier
from model_zoo.predictor.neighbours import Neighbour

NEIGHBOURS = 5


def cards_of(context: Context, groups: Sequence[Sequence[Correction]]) -> list[Any]:
    """A card a picture, with everything that people said of it."""
    images = [context.corrections.seen(group[0]) for group in groups]
    opinions = opinions_of(context, images)
    return [
        _card(context, group, image, opinion)
        for group, image, opinion in zip(groups, images, opinions, strict=True)
    ]


def cards_to_label(context: Context, images: Sequence[Unlabelled]) -> list[Any]:
    """A card an image that nobody has labelled, in the order in which labels tell most."""
    seen = [one.image for one in images]
    return [
        html.Section(
            [
                dmc.Checkbox(
                    id={"review-pick": one.digest},
                    label=one.path.rpartition("/")[2][:60],
                    checked=False,
                ),
                html.Div([html.Div(pixels(image, one.path), className="review-picture")]),
                html.Div(
                    [
                        html.P(f"version {version_words(opinion)}" if opinion else _once(one)),
                        html.P(f"score {one.score:.2f}", className="quiet small"),
                        _neighbours(opinion),
                    ]
                ),
            ],
            className="card review-card",
        )
        for one, image, opinion in zip(images, seen, opinions_of(context, seen), strict=True)
    ]


def _once(one: Unlabelled) -> str:
    return f"taken for {one.predicted}, {one.confidence:.0%}"


#: What production says now: its number, label, confidence; and the training images that are alike.
Opinion = tuple[str, str, float, list[Neighbour]]


def version_words(opinion: Opinion) -> str:
    version, label, confidence, _ = opinion
    return f"{version} in production now says {label}, {confidence:.0%}"


def opinions_of(context: Context, images: Sequence[np.ndarray | None]) -> list[Opinion | None]:
    """Of each image; None where it was made for another shape, or nothing is in production."""
    found: list[Opinion | None] = [None] * len(images)
    try:
        served = context.predictor.current
    except NothingInProduction:
        return found
    fit = [
        place
        for place, image in enumerate(images)
        if image is not None and image.shape == served.array_shape
    ]
    if not fit:
        return found
    probabilities, embeddings = _asked(served, np.stack([images[place] for place in fit]))  # type: ignore[misc]
    like = context.likeness.of(served.version)
    for row, place in enumerate(fit):
        best = int(probabilities[row].argmax())
        alike = like.nearest(embeddings[row], NEIGHBOURS) if like and embeddings is not None else []
        found[place] = (
            served.version,
            served.labels[best],
            float(probabilities[row][best]),
            alike,
        )
    return found


def _asked(served: ServedClassifier, images: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
    try:
        return served.answers_of(images)
    except UserError:  # an older file, without embeddings
        return served.probabilities(images), None


def _card(
    context: Context,
    group: Sequence[Correction],
    image: np.ndarray | None,
    opinion: Opinion | None,
) -> Any:
    taken, lessons = _what_came(context, group)
    first = group[0]
    said = [
        html.Div(
            [
                dmc.Checkbox(
                    id={"review-pick": one.id},
                    checked=False,
                    label=_told(one),
                    description=_details(one),
                ),
                _outcome(one, taken.get(one.id, ""), lessons.get(one.id)),
            ]
        )
        for one in group
    ]
    pictures = [] if image is None else [_figure(image, "what the model saw")]
    original = _original(context, group)
    if original is not None:
        pictures.insert(0, _figure(original, "as it was sent"))
    together = (
        [dmc.Badge(f"{len(group)} say something of this picture", color="gray", variant="light")]
        if len(group) > 1
        else []
    )
    return html.Section(
        [
            html.Div(said, className="review-said"),
            html.Div(pictures, className="review-pictures"),
            html.Div(
                [
                    html.P(
                        f"version {first.version} said {first.predicted}, {first.confidence:.0%}"
                    ),
                    html.P(
                        f"version {version_words(opinion)}" if opinion else "", className="quiet"
                    ),
                    *together,
                    _neighbours(opinion),
                ]
            ),
        ],
        className="card review-card",
    )


def _told(one: Correction) -> str:
    if one.kind == "labelled":
        return f"It is labelled {one.agreed}"
    also = f", settled as {one.agreed}" if one.state == "relabelled" else ""
    return f"They say {one.label}{also}"


def _details(one: Correction) -> str:
    words = [one.received[:16].replace("T", " "), one.short]
    if one.decision is not None:
        words.append(f"{one.state}{f' by {one.decision.who}' if one.decision.who else ''}")
    return " · ".join(words)


def _what_came(
    context: Context, group: Sequence[Correction]
) -> tuple[dict[str, str], dict[str, tuple[str, Learned]]]:
    """Why each did not join, and what versions made of it; nothing for what still waits."""
    if not any(one.is_accepted for one in group):
        return {}, {}
    taken = read_taken(context.corrections)
    held = {one.id: taken[one.id]["held"] for one in group if one.id in taken}
    return held, lessons_of(context.corrections)


def _outcome(one: Correction, held: str, lesson: tuple[str, Learned] | None) -> Any:
    if not one.is_accepted:
        return html.Div()
    if held:
        return html.P(f"left out: {held}", className="small")
    if lesson is None:
        return html.P("the next run trains on it", className="quiet small")
    version, row = lesson
    before = f"{row.before} {row.before_confidence:.0%} before, " if row.before else ""
    colour = "teal" if row.after == row.label else "orange"
    return html.P(
        [
            dmc.Badge(row.in_words, color=colour, variant="light"),
            f" {before}{row.after} {row.after_confidence:.0%} by version {version}",
        ],
        className="small",
    )


def _figure(image: np.ndarray, words: str) -> Any:
    return html.Figure(
        [
            html.Div(pixels(image, words), className="review-picture"),
            html.Figcaption(words, className="quiet small"),
        ],
        className="shot",
    )


def _original(context: Context, group: Sequence[Correction]) -> np.ndarray | None:
    """The picture as it was sent, small; None where nobody agreed that it is kept."""
    for one in group:
        try:
            content = context.corrections.picture(one)
            if content is not None:
                shared = context.answers.shared
                decoded = shared.decoders.decode(content, shared.budget(len(group)))
                return prepare(decoded, (32, 32, 3), ()).original
        except UserError:
            continue
    return None


def _neighbours(opinion: Opinion | None) -> Any:
    if opinion is None or not opinion[3]:
        return html.Div()
    return html.Div(
        [
            html.P("Most like it among the training images", className="quiet small"),
            html.Div(
                [
                    html.Figure(
                        [
                            html.Img(
                                src="data:image/jpeg;base64,"
                                + base64.b64encode(one.picture).decode(),
                                alt=f"training image of {one.label}",
                                className="pixels",
                            ),
                            html.Figcaption(f"{one.label} {one.likeness:.2f}"),
                        ],
                        className="shot",
                    )
                    for one in opinion[3]
                ],
                className="review-alike",
            ),
        ]
    )
