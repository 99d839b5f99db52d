"""Put the page together and on the server."""

from __future__ import annotations

from dash import Dash
from flask import Flask

from dash_app.answers import Answers
from dash_app.page import batch, compare, model, predict, shell
from dash_app.page.context import Context
from model_zoo.config import Settings
from model_zoo.predictor import ProductionPredictor
from model_zoo.registry.version_report import Reports

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
TABS = {"predict": predict, "compare": compare, "batch": batch, "model": model}


def mount(
    server: Flask, settings: Settings, predictor: ProductionPredictor, answers: Answers
) -> Dash:
    """Put the page at ``/`` of ``server``; everything it needs comes from this server."""
    context = Context(settings, predictor, answers, Reports(settings))
    app = Dash(
        "dash_app",
        server=server,  # type: ignore[arg-type]
        title="Catwalk",
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
    shell.register(app, context)
    for tab in TABS.values():
        tab.register(app, context)
    return app
