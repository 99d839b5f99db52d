"""Serve the page: ``python -m dash_app``, with gunicorn as in production."""

from __future__ import annotations

import sys
from typing import Any

from gunicorn.app.base import BaseApplication

from dash_app.logs import log_config
from dash_app.metrics import share_among_workers, worker_ended
from dash_app.security import is_loopback, required_token, token_path
from dash_app.server import create_server
from dash_app.settings import PageSettings
from model_zoo.errors import UserError
from model_zoo.failures import told
from model_zoo.settings import Places, Project, Serving, check_variables, load_project

#: Of a process. Batches and pictures that take long to decode hold half of them at the most
#: (:mod:`dash_app.limits`, :mod:`model_zoo.images.decoders`): probes and lone pictures find one.
THREADS = 16


class Page(BaseApplication):  # type: ignore[misc]
    """gunicorn with our settings; the application is made in each worker, after the fork."""

    def __init__(
        self, project: Project, places: Places, serving: Serving, page: PageSettings
    ) -> None:
        self.project, self.places, self.serving, self.page = project, places, serving, page
        super().__init__()

    def load_config(self) -> None:
        self.cfg.set("bind", address(self.places.host, self.page.page_port))
        self.cfg.set("workers", self.page.page_workers)
        self.cfg.set("worker_class", "gthread")
        self.cfg.set("threads", THREADS)
        self.cfg.set("timeout", 120)
        if self.page.log_format == "json":
            self.cfg.set("logconfig_dict", log_config())
        self.cfg.set("graceful_timeout", 5)  # open browsers keep their connections
        self.cfg.set("control_socket_disable", True)  # it would lie outside the home
        if self.page.page_workers > 1:
            self.cfg.set("child_exit", lambda server, worker: worker_ended(worker.pid))

    def load(self) -> Any:
        # Before there are threads: of two that import it at the same moment one finds half of it.
        from mlflow import MlflowClient  # noqa: F401

        server = create_server(self.project, self.places, self.serving, self.page)
        server.extensions["projects"].shared.decoders.start()
        return server


def address(host: str, port: int) -> str:
    """Where to listen, as gunicorn takes it: an address of IPv6 stands in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def main() -> int:
    """Serve until stopped; exit status 2 for a user's mistake."""
    try:
        check_variables()
        places = Places.load()
        serving = Serving.load()
        page = PageSettings.load()
        project = load_project(places=places)
        token = required_token(places, page)
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    except OSError as error:  # the home cannot be written
        print(told(error, lambda: places.home), file=sys.stderr)
        return 1
    if token and not page.api_token and not is_loopback(places.host):
        print(f"The API asks for the token in {token_path(places)}", file=sys.stderr)
    if page.page_workers > 1:
        share_among_workers(places.home / "metrics")
    Page(project, places, serving, page).run()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
