"""The web server behind the page: Flask, the HTTP endpoints, and Dash mounted on it."""

from __future__ import annotations

from typing import Any

from flask import Flask, Response, jsonify, request
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from dash_app.page import mount
from model_zoo.config import Settings, load_settings
from model_zoo.errors import UserError
from model_zoo.predictor import NothingInProduction, ProductionPredictor

# A drop arrives as base64 inside JSON, a third larger. What is far over the limit is refused
# before it is read; what is a little over gets a message in the page.
ROOM_FOR_BASE64 = 4


def create_server(settings: Settings | None = None) -> Flask:
    """The WSGI application; follows the alias from the moment it is made.

    GET /healthz (200 when a version is loaded, else 503), GET /version, POST /predict with an
    image file as the body or as the form field ``file``.
    """
    settings = settings or load_settings()
    server = Flask("catwalk")
    limit = int(settings.max_upload_mb * 2**20)
    server.config["MAX_CONTENT_LENGTH"] = limit * ROOM_FOR_BASE64
    predictor = ProductionPredictor(settings)
    predictor.refresh()
    predictor.follow()

    @server.get("/healthz")
    def healthz() -> tuple[Response, int]:
        try:
            version = predictor.current.version
        except NothingInProduction as error:
            return jsonify(status="nothing to serve", problem=str(error)), 503
        return jsonify(status="ok", version=version, problem=predictor.problem), 200

    @server.get("/version")
    def version() -> Response:
        current = predictor.current
        return jsonify(
            model=settings.model_name,
            version=current.version,
            tags=current.tags,
            labels=current.labels,
            problem=predictor.problem,
        )

    @server.post("/predict")
    def predict() -> Response:
        uploaded = request.files.get("file")
        content = uploaded.read() if uploaded else request.get_data()
        if not content:
            raise UserError("expected an image file as the body or as the form field 'file'")
        if len(content) > limit:
            raise RequestEntityTooLarge(
                f"the file is larger than {settings.max_upload_mb:g} MiB: send a smaller one"
            )
        classifier, prediction = predictor.predict_content(content)
        return jsonify(prediction.as_dict() | {"version": classifier.version})

    @server.errorhandler(UserError)
    def user_error(error: UserError) -> tuple[Response, int]:
        return jsonify(error=str(error)), 503 if isinstance(error, NothingInProduction) else 400

    @server.errorhandler(HTTPException)
    def http_error(error: HTTPException) -> tuple[Any, int]:
        return jsonify(error=error.description), error.code or 500

    mount(server, predictor, settings)
    return server
