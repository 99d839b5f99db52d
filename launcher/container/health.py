"""Exit status 0 if a program is well: what containers' health checks run.

python -m launcher.container.health URL         the URL answers
python -m launcher.container.health URL PART    Airflow calls its PART (scheduler, ...) healthy
python -m launcher.container.health celery      the Celery worker of this container answers
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import urllib.error
import urllib.request

CELERY_APP = "airflow.providers.celery.executors.celery_executor.app"


def main(arguments: list[str]) -> int:
    """One check; status 1 when what was asked is not well."""
    what, *part = arguments
    if what == "celery":
        from launcher.container.entry import (
            with_secrets,  # a health check gets what the container was given
        )

        return subprocess.run(
            [
                *(sys.executable, "-m", "celery", "--app", CELERY_APP, "inspect", "ping"),
                *("--destination", f"celery@{socket.gethostname()}", "--timeout", "10"),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=with_secrets(os.environ),
        ).returncode
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(what, timeout=8) as answer:
            content = answer.read()
    except (urllib.error.URLError, OSError):
        return 1
    if not part:
        return 0
    return 0 if json.loads(content)[part[0]]["status"] == "healthy" else 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
