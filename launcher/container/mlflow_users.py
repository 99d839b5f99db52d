"""MLflow's log-in in containers: who there is, and the file in which its server looks for them.

Three users of MLflow's own basic-auth (https://mlflow.org/docs/latest/self-hosting/security/):
`admin`, `editor` for what trains and promotes, `reader` for the page. Everybody who is logged in
reads; what one made, oneself and `admin` change.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from model_zoo.errors import UserError

DATABASE = "MLFLOW_AUTH_DATABASE"
CONFIG = "MLFLOW_AUTH_CONFIG_PATH"
#: Each user with the variable that holds the password.
USERS = {
    "admin": "MLFLOW_AUTH_ADMIN_PASSWORD",
    "editor": "MLFLOW_EDITOR_PASSWORD",
    "reader": "MLFLOW_READER_PASSWORD",
}


def make_users(environment: Mapping[str, str]) -> None:
    """Make the users, or give them the passwords of today; nothing without a database of users.

    Raises:
        UserError: a password is missing or too short for MLflow.
    """
    if DATABASE not in environment:
        return
    from mlflow.exceptions import MlflowException
    from mlflow.server.auth.sqlalchemy_store import SqlAlchemyStore

    store = SqlAlchemyStore()
    store.init_db(environment[DATABASE])
    for name, variable in USERS.items():
        try:
            if store.has_user(name):
                store.update_user(name, password=environment.get(variable, ""))
            else:
                store.create_user(name, environment.get(variable, ""), is_admin=name == "admin")
        except MlflowException as error:
            raise UserError(f"{variable}: {error.message}") from None


def keep_config(environment: Mapping[str, str]) -> None:
    """Write the file that MLflow's server reads, for this container alone."""
    if DATABASE not in environment or CONFIG not in environment:
        return
    path = Path(environment[CONFIG])
    path.touch(mode=0o600)
    url = environment[DATABASE].replace("%", "%%")  # as configparser reads it
    path.write_text(
        "[mlflow]\ndefault_permission = READ\nadmin_username = admin\n"
        f"database_uri = {url}\n"
        "authorization_function = mlflow.server.auth:authenticate_request_basic_auth\n"
    )
