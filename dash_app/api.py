"""``/api/v1``: predict, and what is in production; described by ``/api/v1/openapi.json``.

Without a project in the path the default one answers, with ``/api/v1/projects/NAME`` any other.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Response, jsonify, request

from dash_app.page.context import Context
from dash_app.projects import Projects
from dash_app.security import is_allowed
from dash_app.sending import origin_of, send_correction
from dash_app.settings import PageSettings
from dash_app.status import status_of
from dash_app.uploads import (
    JSON_SHAPE,
    Refusal,
    Sent,
    TooLarge,
    Upload,
    from_data_url,
    from_form,
    from_json,
    unpacked,
)
from model_zoo.errors import UserError


def api(
    page: PageSettings, projects: Projects, description: dict[str, Any], token: str | None
) -> Blueprint:
    """The routes under ``/api/v1``; all but the description ask for the token, if there is one.

    Args:
        description: what ``/api/v1/openapi.json`` answers.
    """
    blueprint = Blueprint("api", __name__, url_prefix="/api/v1")

    @blueprint.before_request
    def ask_for_token() -> tuple[Response, int] | None:
        if request.endpoint == "api.openapi" or is_allowed(request, token):
            return None
        refused = jsonify(error="send the token of this server as `Authorization: Bearer TOKEN`")
        refused.headers["WWW-Authenticate"] = "Bearer"
        return refused, 401

    @blueprint.get("/openapi.json")
    def openapi() -> Response:
        return jsonify(description)

    @blueprint.get("/projects")
    def list_projects() -> Response:
        return jsonify(
            default=projects.default.project.name,
            projects=[one.as_dict() for one in projects.listed()],
        )

    def context_of(project: str | None) -> Context:
        return projects.default if project is None else projects.find(project)

    @blueprint.get("/model")
    @blueprint.get("/projects/<project>/model")
    def model(project: str | None = None) -> Response:
        return jsonify(_model(context_of(project)))

    @blueprint.post("/predict")
    @blueprint.post("/projects/<project>/predict")
    def predict(project: str | None = None) -> Response:
        context = context_of(project)
        return jsonify(_predictions(context, _sent(page)))

    @blueprint.post("/corrections")
    @blueprint.post("/projects/<project>/corrections")
    def correct(project: str | None = None) -> tuple[Response, int]:
        context = context_of(project)
        if not page.feedback:
            raise UserError("this server takes no corrections (CATWALK_FEEDBACK)")
        version = context.predictor.current
        upload, label, with_picture = _correction(request.get_json(), page)
        sent = send_correction(
            context.corrections,
            context.answers,
            version,
            upload,
            label,
            with_picture=with_picture,
            without=steps_left_out(request.args, version.preparation),
            origin=origin_of(request),
            page=page,
        )
        return jsonify(
            id=sent.id, label=sent.label, predicted=sent.predicted, state=sent.state
        ), 201

    return blueprint


def _model(context: Context) -> dict[str, Any]:
    current = context.predictor.current
    return {
        "model": context.store.model,
        "version": current.version,
        "labels": list(current.labels),
        "image_shape": list(current.image_shape),
        "preparation": list(current.preparation),
        "tags": current.tags,
        "problem": status_of(context.predictor).problem,
    }


def _sent(page: PageSettings) -> list[Sent]:
    """The files of this request, those in a ZIP each for itself."""
    if request.is_json:
        sent = from_json(request.get_json(), page)
    else:
        sent = from_form(request.files.getlist("file"), page)
    if not sent:
        raise UserError(
            "expected image files as the multipart form field 'file', or JSON: " + JSON_SHAPE
        )
    return sent


def _correction(body: Any, page: PageSettings) -> tuple[Upload, str, bool]:
    """The picture, what it is, and whether its sender agrees that it is kept."""
    given = body if isinstance(body, dict) else {}
    image, label, agreed = given.get("image"), given.get("label"), given.get("keep_picture", False)
    content = image.get("content") if isinstance(image, dict) else None
    name = image.get("name") if isinstance(image, dict) else None
    if not isinstance(content, str) or not isinstance(label, str) or not isinstance(agreed, bool):
        raise UserError(
            'expected JSON as {"image": {"content": "<base64>"}, "label": "...", '
            '"keep_picture": false}'
        )
    return from_data_url(content, name if isinstance(name, str) else None, page), label, agreed


def _predictions(context: Context, sent: list[Sent]) -> dict[str, Any]:
    version = context.predictor.current
    without = steps_left_out(request.args, version.preparation)
    found = context.answers.many(unpacked(sent, context.page), without, version, source="api")
    refused = [one for one in found if isinstance(one, Refusal)]
    if len(refused) == len(found):
        kind = TooLarge if all(one.too_large for one in refused) else UserError
        raise kind("; ".join(map(_sentence, refused[:5])))
    return {
        "model": context.store.model,
        "version": version.version,
        "predictions": [one.as_dict() for one in found],
    }


def _sentence(one: Refusal) -> str:
    return one.reason if one.reason.startswith(one.name) else f"{one.name}: {one.reason}"


def steps_left_out(arguments: Mapping[str, str], steps: tuple[str, ...]) -> list[str]:
    """The names in ``?without=a,b``.

    Raises:
        UserError: one is none of ``steps``, those of the version that answers.
    """
    names = [name for name in arguments.get("without", "").split(",") if name]
    unknown = [name for name in names if name not in steps]
    if unknown:
        known = ", ".join(steps) or "none: this version has no steps"
        raise UserError(f"unknown step {unknown[0]!r} in without: choose of {known}")
    return names
