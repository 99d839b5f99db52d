"""Put the page together and on the server."""

from __future__ import annotations

from dash import Dash
from flask import Flask

from dash_app.page import batch, compare, data, model, predict, review, shell
from dash_app.page.context import Context
from dash_app.page.shell import Choices

# Dash's own, with the language that screen readers go by.
INDEX = """<!DOCTYPE html>
<html lang="en">
    <head>
        {%metas%}
        <title>{%title%}</title>
        {%favicon%}
        {%css%}
    </head>
    <body>
        {%app_entry%}
        <footer>
            {%config%}
            {%scripts%}
            {%renderer%}
        </footer>
    </body>
</html>
"""
TABS = {
    "predict": predict,
    "compare": compare,
    "batch": batch,
    "model": model,
    "data": data,
    "review": review,
}


def mount(server: Flask, context: Context, choices: Choices, prefix: str) -> Dash:
    """Put the page of one project on ``server``; everything it needs comes from this server.

    Args:
        choices: says which other projects there are.
        prefix: of the paths as browsers ask for them, ``/`` or ``/p/NAME/``; ``server`` itself
            gets them without it.
    """
    app = Dash(
        "dash_app",
        server=server,  # type: ignore[arg-type]
        title="Catwalk" if prefix == "/" else f"{context.project.name} · Catwalk",
        requests_pathname_prefix=prefix,
        routes_pathname_prefix="/",
        update_title="",
        serve_locally=True,
        index_string=INDEX,
        suppress_callback_exceptions=True,  # buttons inside answers come and go
        meta_tags=[
            {"name": "description", "content": "Predict with the classifier in production."},
            {"name": "color-scheme", "content": "light dark"},
        ],
    )
    app.layout = shell.layout({name: tab.layout(context) for name, tab in TABS.items()}, context)
    shell.register(app, context, choices)
    for tab in TABS.values():
        tab.register(app, context)
    return app
