"""What a library raises, as a sentence; its stack trace goes to a file that the sentence names.

For the boundaries alone, where nobody is left who could know better: the command line, the process
of a step, Airflow's operator, the page. What knows more raises a ``UserError`` long before. An
error that no library has raised is a bug of ours and stays loud.
"""

from __future__ import annotations

import errno
import os
import tempfile
import traceback
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

#: By whose errors, told by the module of a class: none of them is imported for it.
LIBRARIES = {
    "alembic": "the database",
    "botocore": "the storage",
    "fsspec": "the storage",
    "mlflow": "MLflow",
    "onnxruntime": "ONNX Runtime",
    "PIL": "Pillow",
    "psycopg2": "the database",
    "pyarrow": "PyArrow",
    "requests": "the connection",
    "sqlalchemy": "the database",
    "sqlite3": "the database",
    "urllib3": "the connection",
    "zipfile": "a ZIP",
}
#: Errors of requests, urllib3, botocore and aiohttp, by the names of their classes.
NETWORKS = {
    "ClientConnectionError",
    "ConnectTimeoutError",
    "ConnectionError",
    "EndpointConnectionError",
    "HTTPClientError",
    "IncompleteRead",
    "ProtocolError",
    "ReadTimeoutError",
    "Timeout",
    "gaierror",
}
#: What the operating system says of a network, and fsspec of a server that asks for patience.
AWAY = {
    errno.EBUSY,
    errno.EHOSTDOWN,
    errno.EHOSTUNREACH,
    errno.ENETDOWN,
    errno.ENETUNREACH,
    errno.ESTALE,
    errno.ETIMEDOUT,
}
FOLDER = "errors"  # under the home
KEPT = 20  # files in it
LONGEST = 300  # characters of what a library says


def whose(error: BaseException) -> str | None:
    """In words, what failed: a library or the operating system; None: it is a bug of ours."""
    for kind in type(error).__mro__:
        name = kind.__module__.partition(".")[0]
        if name in LIBRARIES:
            return LIBRARIES[name]
    return "the operating system" if isinstance(error, OSError) else None


def sentence(error: BaseException) -> str:
    """What a library's error says, in one line, with the file that it is about."""
    if isinstance(error, OSError) and error.strerror:
        named = f": {os.fsdecode(error.filename)}" if error.filename is not None else ""
        return f"{whose(error)} says: {error.strerror}{named}"
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    said = lines[0][:LONGEST] if lines else type(error).__name__
    return f"{whose(error)} says: {said}"


def is_away(error: BaseException | None) -> bool:
    """Whether it is a network, or who should answer there, that failed, in any library's words."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        kinds = {kind.__name__ for kind in type(error).__mro__}
        if isinstance(error, (ConnectionError, TimeoutError)) or kinds & NETWORKS:
            return True
        if isinstance(error, OSError) and error.errno in AWAY:
            return True
        if _status_of(error) >= 500:
            return True
        error = error.__cause__ or error.__context__
    return False


def _status_of(error: BaseException) -> int:
    """Of the answer over HTTP that an error of botocore's is about; 0: none."""
    answer = getattr(error, "response", None)
    about = answer.get("ResponseMetadata", {}) if isinstance(answer, dict) else {}
    return int(about.get("HTTPStatusCode", 0))


def told(error: BaseException, home: Callable[[], Path]) -> str:
    """Keep the stack trace; the sentence that says what failed and names the file.

    Args:
        home: finds the home; where that fails or cannot be written, the file lies in the system's
            folder for temporary files.
    """
    return f"{sentence(error).rstrip('.')}. The whole of it is in {keep(error, home)}"


def keep(error: BaseException, home: Callable[[], Path]) -> Path:
    """Write the stack trace of an error into a file of its own; the newest few are kept."""
    text = "".join(traceback.format_exception(error))
    name = f"error-{datetime.now(UTC):%Y-%m-%dT%H-%M-%S.%f}-{os.getpid()}.log"
    for folder in (lambda: home() / FOLDER, lambda: Path(tempfile.gettempdir())):
        with suppress(Exception):
            place = folder()
            if place.name == FOLDER:
                place.mkdir(exist_ok=True)  # not the home: reading makes none
                for old in sorted(place.glob("error-*.log"))[: -KEPT + 1]:
                    old.unlink(missing_ok=True)
            (place / name).write_text(text)
            return place / name
    return Path("standard error")
