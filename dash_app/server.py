"""The web server behind the page: Flask, the HTTP endpoints, and Dash mounted on it."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any

from flask import Flask, Response, jsonify, request
from flask.json.provider import DefaultJSONProvider
from werkzeug.exceptions import HTTPException

from dash_app.answers import Answers
from dash_app.api import api
from dash_app.metrics import SHARED_FOLDER, Metrics
from dash_app.openapi import describe
from dash_app.page import Context, mount
from dash_app.security import add_headers, is_allowed, required_token
from dash_app.settings import PageSettings
from dash_app.status import public, status_of
from dash_app.uploads import MIB, ROOM_FOR_BASE64, TooLarge
from model_zoo.errors import UserError
from model_zoo.failures import keep, whose
from model_zoo.plugin_registry import discover
from model_zoo.predictor import NothingInProduction, Overloaded, ProductionPredictor
from model_zoo.registry.store import store_of
from model_zoo.settings import Places, Project, Serving, load_project

log = logging.getLogger(__name__)


def create_server(
    project: Project | None = None,
    places: Places | None = None,
    serving: Serving | None = None,
    page: PageSettings | None = None,
) -> Flask:
    """The WSGI application; follows the alias from the moment it is made.

    ``/`` the page; ``/api/v1/...`` the API; ``/healthz`` (200 while the process answers),
    ``/readyz`` (200 when a version is loaded, else 503), ``/metrics``. What is left out is read
    from the environment and the project's file.
    """
    places = places or Places.load()
    project = project or load_project(places=places)
    serving = serving or Serving.load()
    page = page or PageSettings.load()
    store = store_of(project, places)
    token = required_token(places, page)
    discover(places.plugins_dir)  # a version may name steps and statistics of a plugin

    server = Flask("catwalk")
    server.json = Json(server)
    server.config["MAX_CONTENT_LENGTH"] = int(page.max_upload_mb * MIB) * ROOM_FOR_BASE64
    server.config["MAX_FORM_PARTS"] = 2 * page.max_images + 10
    predictor = ProductionPredictor(store, serving, places.cache_dir)
    predictor.start()
    server.extensions["predictor"] = predictor  # for whoever ends the server before its process
    metrics = Metrics(shared=SHARED_FOLDER in os.environ)
    answers = Answers(predictor, metrics, serving.max_pixels, serving.unsure_below)
    description = describe(page, serving.max_pixels, token is not None)
    server.register_blueprint(api(store.model, page, predictor, answers, description, token))
    _register_probes(server, token, predictor, metrics)
    _register_errors(server, predictor, places.home)
    context = Context(project, places, serving, page, store, predictor, answers)
    add_headers(server, mount(server, context).csp_hashes())
    return server


class Json(DefaultJSONProvider):
    """Flask's, with a sentence for what it cannot read or follow."""

    def loads(self, s: str | bytes, **kwargs: Any) -> Any:
        try:
            return super().loads(s, **kwargs)
        except RecursionError:
            raise UserError("the JSON is nested too deeply: send a flatter one") from None
        except ValueError as error:  # a number of thousands of digits too
            reason = str(error).partition(";")[0][:120]
            raise UserError(f"this is not JSON that can be read: {reason}") from None


def _register_probes(
    server: Flask, token: str | None, predictor: ProductionPredictor, metrics: Metrics
) -> None:
    def health() -> tuple[Response, bool]:
        found = status_of(predictor)
        word = "ok" if found.version else "nothing to serve"
        return jsonify(status=word, version=found.version, problem=found.problem), bool(
            found.version
        )

    @server.get("/healthz")
    def healthz() -> Response:
        return health()[0]

    @server.get("/readyz")
    def readyz() -> tuple[Response, int]:
        found, ready = health()
        return found, 200 if ready else 503

    @server.get("/metrics")
    def prometheus() -> tuple[Response, int]:
        if not is_allowed(request, token):
            return jsonify(error="send the token as `Authorization: Bearer TOKEN`"), 401
        text = metrics.text(status_of(predictor).version, predictor.problem)
        return Response(text, content_type="text/plain; version=0.0.4; charset=utf-8"), 200

    @server.after_request
    def count(response: Response) -> Response:
        rule = request.url_rule.rule if request.url_rule else "none"
        metrics.request(rule, response.status_code)
        return response


def _register_errors(server: Flask, predictor: ProductionPredictor, home: Path) -> None:
    """One sentence as JSON for everything that goes wrong; never a path or a stack trace."""

    @server.errorhandler(UserError)
    def user_error(error: UserError) -> tuple[Response, int]:
        if isinstance(error, NothingInProduction):
            return jsonify(error=status_of(predictor).problem), 503
        if isinstance(error, Overloaded):
            return jsonify(error=public(error)), 503
        return jsonify(error=public(error)), 413 if isinstance(error, TooLarge) else 400

    @server.errorhandler(HTTPException)
    def http_error(error: HTTPException) -> tuple[Response, int]:
        return jsonify(error=error.description or error.name), error.code or 500

    @server.errorhandler(Exception)
    def other(error: Exception) -> tuple[Response, int]:
        log.exception("%s %s failed", request.method, request.path, exc_info=error)
        failed = whose(error)
        if failed is not None:
            file = keep(error, lambda: home).name
            return jsonify(error=f"{failed} failed: {file} on the server says how"), 503
        return jsonify(error="something went wrong in the server: its log says what"), 500
