"""Fetch one file over HTTP with retries and resume."""

from __future__ import annotations

import time
from pathlib import Path

from model_zoo.errors import UserError

ATTEMPTS = 3
PAUSE_SECONDS = 1.0  # doubles after each attempt
CONNECT_AND_READ_TIMEOUT = (5.0, 30.0)


def download(url: str, path: Path) -> None:
    """Download ``url`` to ``path``; bytes that lie there already are continued, not refetched.

    Raises:
        UserError: the server cannot be reached or answers with an error after three attempts.
    """
    import requests

    failure = ""
    for attempt in range(ATTEMPTS):
        if attempt:
            time.sleep(PAUSE_SECONDS * 2 ** (attempt - 1))
        try:
            _continue(url, path)
            return
        except requests.ConnectionError as error:
            failure = f"no connection: {error.__class__.__name__}"
        except (requests.RequestException, OSError) as error:
            failure = str(error)
    raise UserError(f"{url} could not be downloaded after {ATTEMPTS} attempts ({failure})")


def _continue(url: str, path: Path) -> None:
    import requests

    have = path.stat().st_size if path.exists() else 0
    headers = {"Range": f"bytes={have}-"} if have else {}
    with requests.get(
        url, headers=headers, stream=True, timeout=CONNECT_AND_READ_TIMEOUT
    ) as response:
        if response.status_code == 416:  # nothing left to send: complete, or not this file
            return
        response.raise_for_status()
        resumed = response.status_code == 206
        with path.open("ab" if resumed else "wb") as file:
            for block in response.iter_content(1 << 16):
                file.write(block)
        expected = int(response.headers.get("Content-Length", 0))
        received = path.stat().st_size - (have if resumed else 0)
        if expected and received < expected:
            raise OSError(f"cut off after {received} of {expected} bytes")
