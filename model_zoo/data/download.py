"""Fetch one file over HTTP with retries and resume."""

from __future__ import annotations

from pathlib import Path

from model_zoo.errors import Unavailable
from model_zoo.progress import Say, part

ATTEMPTS = 3
PAUSE_SECONDS = 1.0  # doubles after each attempt
CONNECT_AND_READ_TIMEOUT = (5.0, 30.0)


def download(url: str, path: Path, say: Say = print) -> None:
    """Download ``url`` to ``path``; bytes that lie there already are continued, not refetched.

    Raises:
        Unavailable: the server cannot be reached or answers with an error after three attempts.
    """
    import requests
    import tenacity

    # An error of requests is an OSError too.
    attempts = tenacity.Retrying(
        stop=tenacity.stop_after_attempt(ATTEMPTS),
        wait=tenacity.wait_exponential(PAUSE_SECONDS),
        retry=tenacity.retry_if_exception_type(OSError),
        reraise=True,
    )
    try:
        with part(say, f"fetching {url.rpartition('/')[2]}"):
            attempts(_continue, url, path, say)
    except OSError as error:
        lost = isinstance(error, requests.ConnectionError)
        failure = f"no connection: {type(error).__name__}" if lost else str(error)
        raise Unavailable(
            f"{url} could not be downloaded after {ATTEMPTS} attempts ({failure})"
        ) from None


def _continue(url: str, path: Path, say: Say) -> None:
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
        expected, kept = int(response.headers.get("Content-Length", 0)), have if resumed else 0
        total = kept + expected if expected else 0
        with (
            path.open("ab" if resumed else "wb") as file,
            part(say, "arrived", total, "bytes", kept) as work,
        ):
            for block in response.iter_content(1 << 16):
                file.write(block)
                work.advance(len(block))
        received = path.stat().st_size - kept
        if expected and received < expected:
            raise OSError(f"cut off after {received} of {expected} bytes")
