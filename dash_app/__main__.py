"""Serve the page: ``python -m dash_app``, with gunicorn as in production."""

from __future__ import annotations

import sys
from typing import Any

from gunicorn.app.base import BaseApplication

from dash_app.metrics import share_among_workers, worker_ended
from dash_app.security import is_loopback, required_token, token_path
from dash_app.server import create_server
from model_zoo.config import Settings, load_settings
from model_zoo.errors import UserError

THREADS = 8


class Page(BaseApplication):  # type: ignore[misc]
    """gunicorn with our settings; the application is made in each worker, after the fork."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        super().__init__()

    def load_config(self) -> None:
        settings = self.settings
        self.cfg.set("bind", f"{settings.host}:{settings.page_port}")
        self.cfg.set("workers", settings.page_workers)
        self.cfg.set("worker_class", "gthread")
        self.cfg.set("threads", THREADS)
        self.cfg.set("timeout", 120)
        self.cfg.set("graceful_timeout", 5)  # open browsers keep their connections
        self.cfg.set("control_socket_disable", True)  # it would lie outside the home
        if settings.page_workers > 1:
            self.cfg.set("child_exit", lambda server, worker: worker_ended(worker.pid))

    def load(self) -> Any:
        return create_server(self.settings)


def main() -> int:
    """Serve until stopped; exit status 2 for a user's mistake."""
    try:
        settings = load_settings()
        token = required_token(settings)
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    if token and not settings.api_token and not is_loopback(settings.host):
        print(f"The API asks for the token in {token_path(settings)}", file=sys.stderr)
    if settings.page_workers > 1:
        share_among_workers(settings.home_dir / "metrics")
    Page(settings).run()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
