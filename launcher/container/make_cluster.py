"""Make what the services of a cluster need, once and before they start.

    python -m launcher.container.make_cluster              make what is absent
    python -m launcher.container.make_cluster --upgrade    also bring older databases up to date

Databases that are there already are upgraded only when asked for: back them up first.
"""

from __future__ import annotations

import os
import subprocess
import sys
from urllib.parse import urlsplit

from launcher.container import airflow_users, checks, mlflow_users
from model_zoo.errors import UserError
from model_zoo.settings import Places

POOL = "gpu"


def main(arguments: list[str]) -> int:
    """Exit status 0, 2 for a user's mistake, or 1."""
    try:
        if arguments not in ([], ["--upgrade"]):
            raise UserError("usage: launcher.container.make_cluster [--upgrade]")
        if arguments or checks.airflow_database_is_empty():
            _run("airflow", "db", "migrate")
        checks.airflow_database()
        url = os.environ.get(checks.MLFLOW_DATABASE)
        if url and (arguments or checks.mlflow_database_is_empty(url)):
            _run("mlflow", "db", "upgrade", url)  # makes an empty one too
        mlflow_users.make_users(os.environ)
        airflow_users.make_users(os.environ)
        slots = os.environ.get("GPU_SLOTS", "1")
        _run("airflow", "pools", "set", POOL, slots, "a slot a GPU: search and training")
        for place in (os.environ.get(checks.MLFLOW_ARTIFACTS, ""), Places.load().storage):
            make_bucket(place)
    except UserError as error:
        print(f"catwalk init: {error}", file=sys.stderr)
        return 2
    print("databases, users, pool and buckets are there")
    return 0


def make_bucket(url: str) -> None:
    """Make the S3 bucket of ``url`` if it is not there; other locations need none.

    Raises:
        UserError: the store refuses or does not answer.
    """
    parts = urlsplit(url)
    if parts.scheme != "s3":
        return
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    client = boto3.client("s3")
    try:
        if parts.netloc not in {one["Name"] for one in client.list_buckets()["Buckets"]}:
            client.create_bucket(Bucket=parts.netloc)
    except (BotoCoreError, ClientError) as error:
        raise UserError(f"bucket {parts.netloc} cannot be made ({error})") from None


def _run(*command: str) -> None:
    status = subprocess.run(command).returncode
    if status:
        raise UserError(
            f"`{' '.join(command[:3])}` ended with status {status}; its output is above"
        )


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
