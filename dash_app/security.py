"""Who may ask, and what browsers are told not to do with our answers."""

from __future__ import annotations

import hmac
import ipaddress
import secrets
from collections.abc import Sequence
from pathlib import Path

from flask import Flask, Request, Response

from dash_app.settings import PageSettings
from model_zoo.files import keep_secret
from model_zoo.settings import Places

TOKEN_FILE = "api_token"


def is_loopback(host: str) -> bool:
    """Whether an address to bind to can be reached from this machine only."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def token_path(places: Places) -> Path:
    return places.home / TOKEN_FILE


def required_token(places: Places, page: PageSettings) -> str | None:
    """The token that the API asks for, or None when only this machine can ask.

    Without one in the settings, one is made at the first call and kept in the home (mode 600).
    """
    if page.api_token:
        return page.api_token
    if is_loopback(places.host):
        return None
    return keep_secret(token_path(places), lambda: secrets.token_urlsafe(32)).strip()


def is_allowed(request: Request, token: str | None) -> bool:
    """Whether a request carries ``Authorization: Bearer`` with the token, if one is needed."""
    if token is None:
        return True
    kind, _, given = request.headers.get("Authorization", "").partition(" ")
    return kind.lower() == "bearer" and hmac.compare_digest(given.strip().encode(), token.encode())


def is_token(given: str | None, token: str | None) -> bool:
    """Whether what somebody typed is the token, if one is needed."""
    return token is None or hmac.compare_digest((given or "").strip().encode(), token.encode())


def content_security_policy(script_hashes: Sequence[str]) -> str:
    """Only what comes from this server runs; inline, only the scripts with these hashes.

    Mantine, Plotly and AG Grid write style elements, hence 'unsafe-inline' for styles.
    """
    rules = {
        "default-src": ["'self'"],
        "script-src": ["'self'", *script_hashes],
        "style-src": ["'self'", "'unsafe-inline'"],
        "img-src": ["'self'", "data:", "blob:"],
        "font-src": ["'self'", "data:"],
        "media-src": ["'self'", "blob:"],
        "worker-src": ["'self'", "blob:"],
        "object-src": ["'none'"],
        "base-uri": ["'self'"],
        "form-action": ["'self'"],
        "frame-ancestors": ["'none'"],
    }
    return "; ".join(f"{name} {' '.join(values)}" for name, values in rules.items())


def add_headers(server: Flask, script_hashes: Sequence[str]) -> None:
    """Send the security headers with every answer."""
    headers = {
        "Content-Security-Policy": content_security_policy(script_hashes),
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Referrer-Policy": "no-referrer",
        "Permissions-Policy": "camera=(self), microphone=(), geolocation=(), payment=()",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
    }

    @server.after_request
    def with_headers(response: Response) -> Response:
        for name, value in headers.items():
            response.headers.setdefault(name, value)
        return response
