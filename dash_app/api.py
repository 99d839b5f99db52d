"""``/api/v1``: predict, and what is in production; described by ``/api/v1/openapi.json``."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, jsonify, request

from dash_app.answers import Answers, Refusal
from dash_app.openapi import describe
from dash_app.security import is_allowed, required_token
from dash_app.status import status_of
from dash_app.uploads import from_form, from_json
from model_zoo.config import Settings
from model_zoo.errors import UserError
from model_zoo.images import STEPS, Preparation
from model_zoo.predictor import ProductionPredictor


def api(settings: Settings, predictor: ProductionPredictor, answers: Answers) -> Blueprint:
    """The routes under ``/api/v1``; all but the description ask for the token, if there is one."""
    blueprint = Blueprint("api", __name__, url_prefix="/api/v1")
    token = required_token(settings)
    description = describe(settings, token is not None)

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
            model=settings.model_name,
            version=current.version,
            labels=list(current.labels),
            image_shape=list(current.image_shape),
            tags=current.tags,
            problem=status_of(predictor).problem,
        )

    @blueprint.post("/predict")
    def predict() -> tuple[Response, int]:
        if request.is_json:
            uploads = from_json(request.get_json(), settings)
        else:
            uploads = from_form(request.files.getlist("file"), settings)
        if not uploads:
            raise UserError(
                "expected image files as the multipart form field 'file', or JSON as "
                '{"images": [{"name": "a.png", "content": "<base64>"}]}'
            )
        found = answers.many(uploads, preparation_without(request.args), source="api")
        if all(isinstance(one, Refusal) for one in found):
            raise UserError("; ".join(f"{one.name}: {one.as_dict()['error']}" for one in found[:5]))
        version = next(one.version for one in found if not isinstance(one, Refusal))
        return jsonify(
            model=settings.model_name,
            version=version,
            predictions=[one.as_dict() for one in found],
        ), 200

    return blueprint


def preparation_without(arguments: Any) -> Preparation:
    """The preparation that ``?without=crop,invert`` leaves.

    Raises:
        UserError: a step of that name does not exist.
    """
    names = [name for name in arguments.get("without", "").split(",") if name]
    unknown = [name for name in names if name not in STEPS]
    if unknown:
        raise UserError(f"unknown step {unknown[0]!r} in without: choose of {', '.join(STEPS)}")
    return Preparation.without(*names)
