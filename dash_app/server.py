"""The web server behind the page: Flask, the HTTP endpoints, and Dash mounted on it."""

from __future__ import annotations

import os

from flask import Flask, Response, jsonify, request
from werkzeug.middleware.proxy_fix import ProxyFix

from dash_app.api import api
from dash_app.error_answers import Json, register_errors
from dash_app.logs import number_requests
from dash_app.metrics import SHARED_FOLDER, Metrics
from dash_app.openapi import describe
from dash_app.page import Context, mount
from dash_app.pages import register_pages
from dash_app.projects import Projects
from dash_app.security import add_headers, is_allowed, required_token
from dash_app.settings import PageSettings
from dash_app.status import status_of
from dash_app.uploads import MIB, ROOM_FOR_BASE64
from model_zoo.plugin_registry import discover
from model_zoo.settings import Places, Project, Serving, load_project


def create_server(
    project: Project | None = None,
    places: Places | None = None,
    serving: Serving | None = None,
    page: PageSettings | None = None,
) -> Flask:
    """The WSGI application; follows the alias of each project from when it is first asked for.

    ``/`` the page of the default project, ``/p/NAME/`` that of any; ``/api/v1/...`` the API;
    ``/healthz`` (200 while the process answers), ``/readyz`` (200 when a version is loaded, else
    503), both also under ``/p/NAME``; ``/metrics``. What is left out is read from the environment
    and the project's file.

    Args:
        project: the default one.
    """
    places = places or Places.load()
    project = project or load_project(places=places)
    serving = serving or Serving.load()
    page = page or PageSettings.load()
    token = required_token(places, page)
    discover(places.plugins_dir)  # a version may name steps and statistics of a plugin

    metrics = Metrics(shared=SHARED_FOLDER in os.environ)
    projects = Projects(project, places, serving, page, metrics)

    def set_up(server: Flask, context: Context) -> None:
        _limit(server, page)
        register_errors(server, places.home, lambda: _problem(context))

    def asked() -> Context:
        name = (request.view_args or {}).get("project")
        return projects.find(name) if name else projects.default

    server = Flask("catwalk")
    number_requests(server, log=page.log_format == "json", proxied=page.proxies > 0)
    server.extensions["projects"] = projects  # for whoever ends the server before its process
    _limit(server, page)
    register_errors(server, places.home, lambda: _problem(asked()))
    description = describe(page, serving.max_pixels, token is not None)
    server.register_blueprint(api(page, projects, description, token))
    _register_probes(server, token, projects, metrics)
    register_pages(server, projects, set_up)
    app = mount(server, projects.default, projects, "/")
    add_headers(server, app.csp_hashes())
    if page.proxies:  # or anybody could say that they are somebody else
        server.wsgi_app = ProxyFix(server.wsgi_app, x_for=page.proxies, x_proto=0)  # type: ignore[method-assign]
    return server


def _limit(server: Flask, page: PageSettings) -> None:
    server.json = Json(server)
    server.config["MAX_CONTENT_LENGTH"] = int(page.max_upload_mb * MIB) * ROOM_FOR_BASE64
    server.config["MAX_FORM_PARTS"] = 2 * page.max_images + 10


def _problem(context: Context) -> str:
    return status_of(context.predictor).problem or ""


def _register_probes(
    server: Flask, token: str | None, projects: Projects, metrics: Metrics
) -> None:
    def health(project: str | None) -> tuple[Response, bool]:
        context = projects.find(project) if project else projects.default
        found = status_of(context.predictor)
        word = "ok" if found.version else "nothing to serve"
        answer = jsonify(
            status=word,
            project=context.project.name,
            version=found.version,
            problem=found.problem,
        )
        return answer, bool(found.version)

    @server.get("/healthz")
    @server.get("/p/<project>/healthz")
    def healthz(project: str | None = None) -> Response:
        return health(project)[0]

    @server.get("/readyz")
    @server.get("/p/<project>/readyz")
    def readyz(project: str | None = None) -> tuple[Response, int]:
        found, ready = health(project)
        return found, 200 if ready else 503

    @server.get("/metrics")
    def prometheus() -> tuple[Response, int]:
        if not is_allowed(request, token):
            return jsonify(error="send the token as `Authorization: Bearer TOKEN`"), 401
        for name, context in projects.opened().items():
            predictor = context.predictor
            loaded = predictor.held_bytes + context.others.held_bytes
            metrics.serving(name, predictor.version, loaded, predictor.kind)
            metrics.ages(name, context.ages.promoted, context.ages.newest)
        text = metrics.text()
        return Response(text, content_type="text/plain; version=0.0.4; charset=utf-8"), 200

    @server.after_request
    def count(response: Response) -> Response:
        rule = request.url_rule.rule if request.url_rule else "none"
        metrics.request(rule, response.status_code)
        return response
