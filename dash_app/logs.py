"""What the page's server says about itself: lines for people, or one line of JSON an event.

Each request has an id: that of the header ``X-Request-ID``, if a proxy set a sane one, else a new
one. The answer carries it, and so does each line that was logged while it was made.
"""

from __future__ import annotations

import json
import logging
import re
import time
import uuid
from datetime import UTC, datetime
from typing import Any

from flask import Flask, Response, g, has_request_context, request

HEADER = "X-Request-ID"
SANE = re.compile(r"[A-Za-z0-9._-]{1,64}")
ACCESS = logging.getLogger("catwalk.access")
#: What is asked every few seconds by machines says nothing in a log.
PROBES = ("/healthz", "/readyz", "/metrics")


class JsonLines(logging.Formatter):
    """``{"time", "level", "logger", "message"}``, with ``request_id`` where there is a request."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if has_request_context() and "request_id" in g:
            line["request_id"] = g.request_id
        line |= getattr(record, "facts", {})
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


def log_config() -> dict[str, Any]:
    """For ``logging.config.dictConfig``, and gunicorn's ``logconfig_dict``: all of it as JSON."""
    quiet = {"level": "WARNING", "propagate": True, "handlers": []}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"json": {"()": JsonLines}},
        "handlers": {
            "lines": {
                "class": "logging.StreamHandler",
                "formatter": "json",
                "stream": "ext://sys.stderr",
            }
        },
        "root": {"level": "INFO", "handlers": ["lines"]},
        "loggers": {
            "gunicorn.error": {"level": "INFO", "propagate": True, "handlers": []},
            "gunicorn.access": quiet,
            "mlflow": quiet,
            "alembic": quiet,
        },
    }


def number_requests(server: Flask, *, log: bool, proxied: bool) -> None:
    """Give each request an id; with ``log``, one line about each that is no probe.

    The line has no address and nothing of what was sent; who asks, where a proxy says it.
    """

    @server.before_request
    def begin() -> None:
        given = request.headers.get(HEADER, "")
        g.request_id = given if SANE.fullmatch(given) else uuid.uuid4().hex
        g.began = time.monotonic()

    @server.after_request
    def end(response: Response) -> Response:
        if "request_id" not in g:  # another hook answered first
            return response
        response.headers[HEADER] = g.request_id
        if log and not request.path.endswith(PROBES):
            facts: dict[str, Any] = {
                "method": request.method,
                "path": request.path,
                "status": response.status_code,
                "seconds": round(time.monotonic() - g.began, 4),
            }
            if proxied and (user := request.headers.get("X-Forwarded-User")):
                facts["user"] = user[:80]
            ACCESS.info("%s %s", request.method, request.path, extra={"facts": facts})
        return response
