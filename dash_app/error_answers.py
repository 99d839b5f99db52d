"""One sentence as JSON for everything that goes wrong; never a path or a stack trace."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

from flask import Flask, Response, jsonify, request
from flask.json.provider import DefaultJSONProvider
from werkzeug.exceptions import HTTPException

from dash_app.limits import TooMany
from dash_app.projects import UnknownProject, UnusableProject
from dash_app.status import public
from dash_app.uploads import TooLarge
from model_zoo.data.corrections import TooManyCorrections
from model_zoo.errors import UserError
from model_zoo.failures import keep, whose
from model_zoo.images.decoders import DecodersBusy
from model_zoo.predictor import NothingInProduction, Overloaded

SOON = 5  # seconds, in Retry-After, where nobody knows better
log = logging.getLogger(__name__)


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


def register_errors(server: Flask, home: Path, nothing: Callable[[], str]) -> None:
    """Answer errors of ``server`` with their sentence and status.

    Args:
        home: where stack traces of what a library raised are kept.
        nothing: says why the project that was asked cannot answer at all.
    """

    @server.errorhandler(UserError)
    def user_error(error: UserError) -> tuple[Response, int]:
        if isinstance(error, NothingInProduction):
            return jsonify(error=nothing()), 503
        answer, status = jsonify(error=public(error)), status_for(error)
        if status in (429, 503):
            answer.headers["Retry-After"] = str(getattr(error, "retry_after", SOON))
        return answer, status

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


def status_for(error: UserError) -> int:
    """The HTTP status that says whose turn it is: 4xx that of who asks, 503 ours."""
    if isinstance(error, TooMany):
        return 429
    if isinstance(error, (DecodersBusy, Overloaded, UnusableProject)):
        return 503
    if isinstance(error, UnknownProject):
        return 404
    if isinstance(error, TooManyCorrections):
        return 429
    return 413 if isinstance(error, TooLarge) else 400
