"""``/p/NAME/``: the page of each project, made when it is first asked for.

Each is a Dash application of its own behind a prefix, as Dash's documentation has it for several
applications in one server: their callbacks close over their own project and cannot meet, a page
that fails to be made disturbs no other, and a tab knows nothing of there being several. With one
application for all, each callback would have to be told the project by the browser, and to look it
up. They cannot be part of the server itself, as Flask takes no routes once it has answered, and
projects come while it runs.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from html import escape
from typing import Any, cast

from flask import Flask, Response, request

from dash_app.error_answers import status_for
from dash_app.page import Context, mount
from dash_app.projects import Projects
from dash_app.status import page_path, public
from model_zoo.errors import UserError

SetUp = Callable[[Flask, Context], None]


class Pages:
    """The application of each project's page; safe for several threads."""

    def __init__(self, projects: Projects, set_up: SetUp) -> None:
        """
        Args:
            set_up: gives a new application the limits and error answers of the server.
        """
        self.projects = projects
        self._set_up = set_up
        self._made: dict[str, tuple[Context, Flask]] = {}
        self._lock = threading.Lock()

    def of(self, context: Context) -> Flask:
        """The application for a project; a new one when the project was opened anew."""
        name = context.project.name
        with self._lock:
            made = self._made.get(name)
            if made is None or made[0] is not context:
                server = Flask(f"catwalk-{name}")
                self._set_up(server, context)
                mount(server, context, self.projects, page_path(name))
                made = self._made[name] = (context, server)
            return made[1]


def register_pages(server: Flask, projects: Projects, set_up: SetUp) -> None:
    """The routes of all projects' pages."""
    pages = Pages(projects, set_up)

    @server.route("/p/<project>/", defaults={"path": ""}, methods=["GET", "POST"])
    @server.route("/p/<project>/<path:path>", methods=["GET", "POST"])
    def page(project: str, path: str) -> Response | tuple[Response, int]:
        try:
            context = projects.find(project)
        except UserError as error:
            return _instead(error, projects), status_for(error)
        below = _below(request.environ, project)
        return cast(Response, Response.from_app(pages.of(context).wsgi_app, below))


def _below(environ: dict[str, Any], project: str) -> dict[str, Any]:
    """The same request as an application mounted at the project's prefix gets it."""
    rest = environ["PATH_INFO"].removeprefix(f"/p/{project}")
    return environ | {"SCRIPT_NAME": f"{environ['SCRIPT_NAME']}/p/{project}", "PATH_INFO": rest}


def _instead(error: UserError, projects: Projects) -> Response:
    """For people who came by a link: the sentence, and where they can go on."""
    sentence = public(error)
    sentence = sentence[:1].upper() + sentence[1:] + ("" if sentence.endswith("?") else ".")
    links = "".join(
        f'<li><a href="{escape(page_path(one.name))}">{escape(one.name)}</a></li>'
        for one in projects.listed()
        if one.version
    )
    others = f"<p>In production:</p><ul>{links}</ul>" if links else ""
    return Response(
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Catwalk</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark"><style>body { font: 1rem/1.5 system-ui, '
        "sans-serif; max-width: 40rem; margin: 3rem auto; padding: 0 1rem; }</style></head>"
        f"<body><h1>Catwalk</h1><p>{escape(sentence)}</p>{others}"
        "</body></html>",
        content_type="text/html; charset=utf-8",
    )
