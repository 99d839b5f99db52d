"""``/api/v1``: predict, and what is in production; described by ``/api/v1/openapi.json``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Response, jsonify, request

from dash_app.answers import Answers
from dash_app.security import is_allowed
from dash_app.settings import PageSettings
from dash_app.status import status_of
from dash_app.uploads import JSON_SHAPE, Refusal, TooLarge, from_form, from_json, unpacked
from model_zoo.errors import UserError
from model_zoo.predictor import ProductionPredictor


def api(
    model_name: str,
    page: PageSettings,
    predictor: ProductionPredictor,
    answers: Answers,
    description: dict[str, Any],
    token: str | None,
) -> Blueprint:
    """The routes under ``/api/v1``; all but the description ask for the token, if there is one.

    Args:
        model_name: of the registered model, as the answers say it.
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

    @blueprint.get("/model")
    def model() -> Response:
        current = predictor.current
        return jsonify(
            model=model_name,
            version=current.version,
            labels=list(current.labels),
            image_shape=list(current.image_shape),
            preparation=list(current.preparation),
            tags=current.tags,
            problem=status_of(predictor).problem,
        )

    @blueprint.post("/predict")
    def predict() -> tuple[Response, int]:
        if request.is_json:
            uploads = from_json(request.get_json(), page)
        else:
            uploads = from_form(request.files.getlist("file"), page)
        if not uploads:
            raise UserError(
                "expected image files as the multipart form field 'file', or JSON: " + JSON_SHAPE
            )
        version = predictor.current
        without = steps_left_out(request.args, version.preparation)
        found = answers.many(unpacked(uploads, page), without, version, source="api")
        refused = [one for one in found if isinstance(one, Refusal)]
        if len(refused) == len(found):
            kind = TooLarge if all(one.too_large for one in refused) else UserError
            raise kind("; ".join(map(_sentence, refused[:5])))
        return jsonify(
            model=model_name,
            version=version.version,
            predictions=[one.as_dict() for one in found],
        ), 200

    return blueprint


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
