"""What runs first in every container: secrets in, checks done, then the program itself.

    python -m launcher.container.entry [ROLE] PROGRAM ARGUMENTS...

Without a role, as Airflow's Helm chart starts it, nothing is checked.
A variable may name secrets as ``{secret:NAME}``; each stands for the content of the file NAME in
the folder ``CATWALK_SECRETS`` (default /run/secrets, where Docker and Kubernetes put them). So
neither the repository nor `docker inspect` shows a password. Exit status 2 and one sentence when
something is wrong that the program itself would only notice later, or tell at length.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from launcher.container import checks
from launcher.container.mlflow_users import keep_config
from model_zoo.errors import UserError
from model_zoo.settings import check_variables

SECRET = re.compile(r"\{secret:([A-Za-z0-9_.-]+)\}")
CHECKS: dict[str, tuple[Callable[[], None], ...]] = {
    "init": (checks.writable_home,),
    "airflow-service": (checks.airflow_database,),
    "worker": (checks.writable_home, checks.shared_storage),
    "gpu-worker": (checks.gpus, checks.writable_home, checks.shared_storage),
    "mlflow-server": (checks.mlflow_database, checks.mlflow_artifacts, checks.free_port),
    "page": (checks.writable_home, checks.free_port),
}


def with_secrets(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment with every ``{secret:NAME}`` replaced.

    Raises:
        UserError: a secret is missing or empty; names it, its file and who asks for it.
    """
    folder = Path(environment.get("CATWALK_SECRETS") or "/run/secrets")
    filled: dict[str, str] = {}
    for variable, value in environment.items():

        def read(found: re.Match[str], variable: str = variable) -> str:
            path = folder / found[1]
            try:
                secret = path.read_text().strip()
            except OSError:
                secret = ""
            if not secret:
                raise UserError(
                    f"secret {found[1]}, which {variable} needs, is missing: {path} is absent, "
                    "empty or unreadable (docker/make-secrets makes all secrets)"
                )
            return secret

        filled[variable] = SECRET.sub(read, value)
    return filled


def main(arguments: list[str]) -> int:
    """Check, then become the program; returns only if that cannot be."""
    known = arguments[:1] and arguments[0] in CHECKS
    role, command = (arguments[0], arguments[1:]) if known else ("container", arguments)
    try:
        if not command:
            raise UserError(
                f"usage: launcher.container.entry [{'|'.join(CHECKS)}] PROGRAM ARGUMENTS..."
            )
        os.environ.update(with_secrets(os.environ))
        check_variables()
        for check in CHECKS.get(role, ()):
            check()
        keep_config(os.environ)
    except UserError as error:
        print(f"catwalk {role}: {error}", file=sys.stderr, flush=True)
        return 2
    os.execvp(command[0], command)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
