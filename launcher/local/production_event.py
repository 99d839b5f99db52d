"""A move of `production` by hand, told to the Airflow of this home: what hangs on it runs too."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import quote

from launcher.airflow_steps.asset_uri import asset_uri
from launcher.local.airflow import USER, password
from launcher.local.machine import Machine
from model_zoo.settings import Project

SECONDS = 10.0


def tell_airflow(project: Project, machine: Machine, version: str, why: str) -> str:
    """Update the asset; where this home has no Airflow there is nobody to tell.

    Returns:
        Why Airflow was not told, in words; empty: it was, or there is none.
    """
    if not (machine.airflow_home / "passwords.json").exists():
        return ""
    try:
        _update(project, machine, {"version": version, "why": why})
    except (OSError, ValueError, LookupError, TypeError) as error:
        dag = f"{project.dag_id.removesuffix('_retrain')}_after_promotion"
        return (
            f"Airflow at {machine.airflow_url} was not told ({_reason(error)}): what hangs on "
            f"{asset_uri(project)} does not run by itself. Trigger {dag} there by hand, if you "
            "want it"
        )
    return ""


def _update(project: Project, machine: Machine, extra: dict[str, str]) -> None:
    """By Airflow's public API.

    Raises:
        OSError: it does not answer, or refuses.
        LookupError: no DAG has the asset.
        ValueError, TypeError: whatever answers there is no Airflow.
    """
    base, uri = machine.airflow_url, asset_uri(project)
    who = {"username": USER, "password": password(machine)}
    token = _ask(f"{base}/auth/token", who)["access_token"]
    api = f"{base}/api/v2/assets"
    known = _ask(f"{api}?uri_pattern={quote(uri, safe='')}", token=token)["assets"]
    ids = [one["id"] for one in known if one["uri"] == uri]
    if not ids:
        raise LookupError("no DAG there knows the asset")
    _ask(f"{api}/events", {"asset_id": ids[0], "extra": extra}, token)


def _ask(url: str, body: dict[str, Any] | None = None, token: str = "") -> Any:
    """Never by way of a proxy: it is on this machine."""
    request = urllib.request.Request(
        url,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Content-Type": "application/json", "Authorization": f"Bearer {token}"},
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=SECONDS) as answer:
        return json.load(answer)


def _reason(error: Exception) -> str:
    if isinstance(error, urllib.error.HTTPError):
        return f"it answered {error.code}"
    if isinstance(error, urllib.error.URLError | TimeoutError):
        return "it does not answer"
    if isinstance(error, KeyError | ValueError | TypeError):
        return "what answers there is another program"
    return str(error)
