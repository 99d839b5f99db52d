"""Serve the page: ``python -m dash_app``, with gunicorn as in production."""

from __future__ import annotations

import sys

from gunicorn.app.base import BaseApplication

from dash_app.server import create_server
from model_zoo.config import load_settings
from model_zoo.errors import UserError


class Page(BaseApplication):  # type: ignore[misc]
    """gunicorn with our settings; the application is made in each worker, after the fork."""

    def load_config(self) -> None:
        settings = load_settings()
        self.cfg.set("bind", f"{settings.host}:{settings.page_port}")
        self.cfg.set("workers", settings.page_workers)
        self.cfg.set("worker_class", "gthread")
        self.cfg.set("threads", 4)
        self.cfg.set("timeout", 120)

    def load(self) -> object:
        return create_server()


if __name__ == "__main__":
    try:
        load_settings()
    except UserError as error:
        print(error, file=sys.stderr)
        raise SystemExit(2) from None
    Page().run()
