"""Who gets what: nobody without a log-in, and each user what its role says."""

from __future__ import annotations

from launcher.container.airflow_users import USERS
from launcher.container.trial.podman import AIRFLOW, MLFLOW, PAGE, ask, basic, expect, got, secret
from model_zoo.settings import load_project

MLFLOW_CALL = f"{MLFLOW}/api/2.0/mlflow"


def airflow_log_in(user: str) -> str:
    """The header with which Airflow's API knows this user."""
    given = {"username": user, "password": secret(f"airflow_{user}_password")}
    return f"Bearer {got(f'{AIRFLOW}/auth/token', 'POST', given)['access_token']}"


def mlflow_log_in(user: str) -> str:
    return basic(user, secret(f"mlflow_{user}_password"))


def page_log_in() -> str:
    return basic("catwalk", secret("page_password"))


def try_log_ins() -> None:
    """Raise where somebody gets more or less than docs/deploy.md says."""
    dags = f"{AIRFLOW}/api/v2/dags"
    expect("the page, to nobody", ask(f"{PAGE}/")[0], 401)
    expect("the page, logged in", ask(f"{PAGE}/", log_in=page_log_in())[0], 200)
    expect("the page's health, to nobody", ask(f"{PAGE}/healthz")[0], 200)
    expect("the page's API, with the page's log-in", _api(page_log_in()), 401)
    expect(
        "the page's API, with its token", _api(f"Bearer {secret('page_api_token')}") != 401, True
    )
    expect("Airflow, to nobody", ask(dags)[0], 401)
    wrong = {"username": "admin", "password": "a guess"}
    expect("Airflow, with a guess", ask(f"{AIRFLOW}/auth/token", "POST", wrong)[0], 401)
    for user in USERS:
        log_in = airflow_log_in(user)
        connections = ask(f"{AIRFLOW}/api/v2/connections", log_in=log_in)[0]
        may = (ask(dags, log_in=log_in)[0], connections)
        expect(
            f"Airflow's DAGs and connections, to {user}",
            may,
            (200, 200 if user == "admin" else 403),
        )
    runs = f"{dags}/{load_project().dag_id}/dagRuns"
    for user in ("viewer", "approver"):
        body = {"dag_run_id": f"by-{user}", "logical_date": None}
        expect(f"a run, started by {user}", ask(runs, "POST", body, airflow_log_in(user))[0], 403)
    model = {"name": "of-a-trial"}
    make, take = (
        f"{MLFLOW_CALL}/registered-models/create",
        f"{MLFLOW_CALL}/registered-models/delete",
    )
    expect("MLflow, to nobody", ask(make, "POST", model)[0], 401)
    expect(
        "a model, made by MLflow's editor",
        ask(make, "POST", model, mlflow_log_in("editor"))[0],
        200,
    )
    refused = ask(take, "DELETE", model, mlflow_log_in("reader"))[0]
    expect("the same, deleted by MLflow's reader", refused, 403)
    got(take, "DELETE", model, mlflow_log_in("editor"))


def _api(log_in: str) -> int:
    return ask(f"{PAGE}/api/v1/model", log_in=log_in)[0]
