"""`catwalk demo` and `catwalk up`, for real: Airflow, MLflow, the page in Chromium."""

import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from receiver import Receiver, receiving

from launcher.local.airflow import close_stopped_demos, environment
from launcher.local.demo import raise_failure, without_a_question
from launcher.local.machine import Machine
from model_zoo.errors import UserError
from model_zoo.files import write_json
from model_zoo.runs.folder import run_folder
from model_zoo.settings import Places, Project

NO_PROXY = urllib.request.build_opener(urllib.request.ProxyHandler({}))
DAG = "fashion_mnist_retrain"


def catwalk(*arguments: str, **extra: str) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-m", "launcher.cli", *arguments],
        # The formats beside ONNX take half a minute a run, and have tests of their own.
        env=os.environ | {"PYTHONUNBUFFERED": "1", "CATWALK_EXPORT__FORMATS": "none"} | extra,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.fixture(scope="module")
def home(small_environment: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home of its own."""
    return tmp_path_factory.mktemp("launched")


@pytest.fixture(scope="module")
def demo(home: Path) -> str:
    process = catwalk("demo", "--search-trials", "1", "--epochs", "2", CATWALK_HOME=str(home))
    printed, _ = process.communicate(timeout=500)
    assert process.returncode == 0, printed
    return printed


def demo_folder(home: Path, project: Project, number: int) -> Path:
    places = Places.load(home=home)
    return run_folder(places, project.name, f"demo-{number}")


def free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def test_the_demo_goes_through_airflow_and_ends_with_a_scorecard(demo: str, home: Path) -> None:
    assert re.search(r"Test accuracy +\d\d\.\d\d% on [\d,]+ images, 95 % interval", demo)
    assert "fashion-mnist-classifier version 1" in demo
    assert re.search(r"Production +version 1", demo)
    for step in ("ingest", "preprocess", "tune", "train", "evaluate", "register", "promote"):
        assert f"{step} done in" in demo
    assert "trial 0: validation" in demo, "what a step prints is shown while it runs"
    assert (home / "airflow" / "airflow.db").exists()


def test_a_mistake_in_a_demo_is_one_sentence_before_airflow_is_started(
    small_environment: Path, tmp_path: Path
) -> None:
    process = catwalk("demo", "--backbone", "tinny", CATWALK_HOME=str(tmp_path / "home"))
    printed, _ = process.communicate(timeout=60)
    assert process.returncode == 2, printed
    (sentence,) = printed.splitlines()
    assert sentence.startswith("catwalk: unknown backbone 'tinny': did you mean tiny")
    assert not (tmp_path / "home").exists(), "nothing was written"


def test_a_step_that_fails_in_a_demo_is_told_by_its_sentence(tmp_path: Path) -> None:
    write_json(tmp_path / "failure.json", {"step": "ingest", "sentence": "no disk", "status": 2})
    with pytest.raises(UserError, match=r"^step ingest: no disk$"):
        raise_failure(tmp_path, 1, tmp_path / "demo.log")
    (tmp_path / "failure.json").unlink()
    with pytest.raises(UserError, match=r"Airflow ended with status 1: .*demo\.log says why"):
        raise_failure(tmp_path, 1, tmp_path / "demo.log")
    write_json(tmp_path / "promote.json", {})
    raise_failure(tmp_path, 0, tmp_path / "demo.log")


def test_in_a_demo_nobody_is_asked(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    assert without_a_question(project) == {}
    asking = project.with_values({"judging.promotion": "approval"})
    assert without_a_question(asking) == {"promotion": "manual"}
    assert "the version stays candidate" in capsys.readouterr().out


def test_a_demo_that_was_killed_blocks_no_other_run(
    demo: str, home: Path, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    def runs() -> list[tuple[str, str]]:
        with sqlite3.connect(home / "airflow" / "airflow.db") as database:
            return database.execute("SELECT run_id, state FROM dag_run ORDER BY id").fetchall()

    before = runs()
    process = catwalk("demo", CATWALK_HOME=str(home))
    wait_for("the run", lambda: len(runs()) > len(before) and runs()[-1][1] == "running")
    airflow = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    process.communicate()
    psutil.wait_procs(airflow, 30)
    stopped = runs()[-1][0]
    assert dict(runs())[stopped] == "running", "as Airflow itself leaves it"
    monkeypatch.setenv("CATWALK_HOME", str(home))
    machine = Machine.load()
    close_stopped_demos(machine, environment(machine))
    assert dict(runs())[stopped] == "failed"
    assert runs()[: len(before)] == before
    shutil.rmtree(demo_folder(home, project, 2))


@pytest.fixture(scope="module")
def told() -> Iterator[Receiver]:
    """Where CATWALK_NOTIFY of `catwalk up` points."""
    with receiving() as receiver:
        yield receiver


@pytest.fixture(scope="module")
def up(demo: str, home: Path, told: Receiver) -> Iterator[tuple[subprocess.Popen, str]]:
    page, airflow, mlflow = map(str, free_ports(3))
    process = catwalk(
        "up",
        CATWALK_HOME=str(home),
        CATWALK_PAGE_PORT=page,
        CATWALK_AIRFLOW_PORT=airflow,
        CATWALK_MLFLOW_PORT=mlflow,
        CATWALK_NOTIFY=told.address,
        CATWALK_SCHEDULE="never",  # else a DAG that is unpaused starts a run of its own
    )
    printed = ""
    for line in process.stdout:
        printed += line
        if line.startswith("Retrain:"):
            break
    else:
        pytest.fail(printed)
    yield process, printed
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)


def test_everything_listens_on_this_machine_only(up: tuple) -> None:
    process, printed = up
    family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
    pids = {one.pid for one in family}
    listening = {
        (one.laddr.ip, one.laddr.port)
        for one in psutil.net_connections("inet")
        if one.pid in pids and one.status == psutil.CONN_LISTEN
    }
    ports = set(map(int, re.findall(r"http://127\.0\.0\.1:(\d+)", printed)))
    assert ports <= {port for _, port in listening} and len(ports) == 3
    assert {address for address, _ in listening} == {"127.0.0.1"}


def test_the_page_predicts_in_a_browser(up: tuple, tmp_path: Path) -> None:
    from playwright.sync_api import expect, sync_playwright

    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("no Chromium on this machine")
    url = re.search(r"Page +(\S+)", up[1])[1]
    bad = tmp_path / "notes.png"
    bad.write_bytes(b"no image")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page()
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(url)
        expect(page.locator("#version")).to_contain_text("version 1", timeout=30_000)
        expect(page.locator("#examples button")).to_have_count(10)
        page.locator("#examples button").nth(1).click()
        expect(page.locator("#answered-by")).to_contain_text("version 1")
        expect(page.locator("#bars .bars .point")).to_have_count(10)
        page.locator("#upload input[type=file]").set_input_files(bad)
        expect(page.locator("#message")).to_contain_text("not an image that can be read")
        page.locator("#upload input[type=file]").set_input_files(bad)
        expect(page.locator("#message")).to_contain_text("not an image that can be read")
        browser.close()
    assert errors == []


def password_in(printed: str) -> str:
    """As a person finds it: where `catwalk up` says that it stands."""
    path = Path(re.search(r"password stands in (\S+)", printed)[1])
    assert path.stat().st_mode & 0o077 == 0, "nobody else reads it"
    password = json.loads(path.read_text())["admin"]
    assert password not in printed
    return password


def ask(url: str, method: str = "GET", body: Any = None, token: str = "") -> Any:
    request = urllib.request.Request(
        url,
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Content-Type": "application/json", "Authorization": f"Bearer {token}"},
    )
    with NO_PROXY.open(request, timeout=60) as answer:
        return json.load(answer)


def wait_for(what: str, found: Callable[[], bool], seconds: float = 500) -> None:
    until = time.monotonic() + seconds
    while not found():
        assert time.monotonic() < until, f"{what}: not within {seconds} s"
        time.sleep(1)  # an answer of Airflow's takes a processor a while


def logged_in(up: tuple) -> tuple[str, str]:
    """Airflow's address, and a token for its API."""
    airflow = re.search(r"Airflow +(http\S+)", up[1])[1]
    log_in = {"username": "admin", "password": password_in(up[1])}
    return airflow, ask(f"{airflow}/auth/token", "POST", log_in)["access_token"]


def test_a_triggered_run_asks_a_person_and_the_page_follows(
    up: tuple, home: Path, told: Receiver
) -> None:
    page = re.search(r"Page +(http\S+)", up[1])[1]
    airflow, token = logged_in(up)
    dag = f"{airflow}/api/v2/dags/{DAG}"
    ask(dag, "PATCH", {"is_paused": False}, token)
    chosen = {"search_trials": 0, "epochs": 2, "promotion": "approval"}
    run = ask(f"{dag}/dagRuns", "POST", {"logical_date": None, "conf": chosen}, token)
    run_url = f"{dag}/dagRuns/{run['dag_run_id']}"

    def state(task: str) -> str:
        return ask(f"{run_url}/taskInstances/{task}", token=token)["state"]

    def asked() -> bool:
        assert ask(run_url, token=token)["state"] not in ("failed", "success")
        return state("approve") == "awaiting_input"

    wait_for("the question", asked)
    assert ask(f"{page}/healthz")["version"] == "1", "nothing moves before the answer"
    waits = "Catwalk: version 2 of fashion-mnist waits for an approval"
    assert told.titles() == [waits]
    # Answered in the moment before the scheduler knows that the task's process has ended, Airflow
    # 3.3.2 takes the task for lost and asks again. No person is that quick.
    known = f"TaskInstance Finished: dag_id={DAG}, task_id=approve"
    scheduler = home / "logs" / "scheduler.log"
    wait_for("the scheduler", lambda: known in scheduler.read_text(), 60)
    ask(
        f"{run_url}/taskInstances/approve/-1/hitlDetails",
        "PATCH",
        {"chosen_options": ["Approve"], "params_input": {}},
        token,
    )
    wait_for("the end of the run", lambda: ask(run_url, token=token)["state"] == "success")
    assert state("promote") == "success"
    assert told.titles() == [waits, "Catwalk: version 2 of fashion-mnist is in production"]
    wait_for("the page", lambda: ask(f"{page}/healthz")["version"] == "2", 20)
    updates = ask(f"{airflow}/api/v2/assets/events?order_by=-timestamp", token=token)
    emitted = updates["asset_events"][0]["extra"]
    assert emitted["version"] == "2" and emitted["why"].startswith("approved by admin;")
    by_hand = catwalk(
        "rollback", CATWALK_HOME=str(home), CATWALK_AIRFLOW_PORT=airflow.rpartition(":")[2]
    )
    assert by_hand.communicate(timeout=120)[0] == "production is version 1, before it version 2\n"
    updates = ask(f"{airflow}/api/v2/assets/events?order_by=-timestamp", token=token)
    assert updates["asset_events"][0]["extra"]["version"] == "1", "what hangs on it sees it too"
    log = ask(f"{run_url}/taskInstances/train/logs/1", token=token)
    assert "epoch 2/2" in json.dumps(log), "what a step prints is in Airflow's log of its task"


def test_a_run_with_a_mistake_fails_at_once_and_people_are_told_its_sentence(
    up: tuple, told: Receiver
) -> None:
    airflow, token = logged_in(up)
    told.messages.clear()
    dag = f"{airflow}/api/v2/dags/{DAG}"
    body = {"logical_date": None, "conf": {"epoch": 3}}  # Airflow takes what is in no form
    run = ask(f"{dag}/dagRuns", "POST", body, token)
    run_url = f"{dag}/dagRuns/{run['dag_run_id']}"
    wait_for("the end", lambda: ask(run_url, token=token)["state"] == "failed", 120)
    assert ask(f"{run_url}/taskInstances/ingest", token=token)["try_number"] == 1
    (message,) = told.messages
    assert message["title"] == f"Catwalk: ingest failed in {DAG}"
    assert (
        "did you mean 'epochs'?" in message["message"] and run["dag_run_id"] in message["message"]
    )


def test_a_value_outside_the_form_is_refused_when_triggering(up: tuple) -> None:
    airflow, token = logged_in(up)
    body = {"logical_date": None, "conf": {"learning_rate": -1}}
    with pytest.raises(urllib.error.HTTPError) as refused:
        ask(f"{airflow}/api/v2/dags/{DAG}/dagRuns", "POST", body, token)
    assert refused.value.code == 400
    assert "learning_rate" in refused.value.read().decode()


def test_a_taken_port_is_named(up: tuple, home: Path, tmp_path: Path) -> None:
    port = re.search(r"Page +\S+:(\d+)", up[1])[1]
    process = catwalk("up", CATWALK_HOME=str(tmp_path), CATWALK_PAGE_PORT=port)
    printed, _ = process.communicate(timeout=60)
    assert process.returncode == 2
    assert f"port {port} on 127.0.0.1 cannot be used" in printed
    assert "CATWALK_PAGE_PORT" in printed
    second = catwalk("up", CATWALK_HOME=str(home))
    printed, _ = second.communicate(timeout=60)
    assert second.returncode == 2 and "`catwalk up` (process" in printed


def test_ctrl_c_stops_everything(up: tuple) -> None:
    process, _ = up
    family = psutil.Process(process.pid).children(recursive=True)
    assert len(family) >= 6
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 0
    time.sleep(0.5)
    assert [one for one in family if one.is_running() and one.status() != "zombie"] == []


def test_cleaning_takes_airflows_old_rows_too(up: tuple, home: Path) -> None:
    with sqlite3.connect(home / "airflow" / "airflow.db") as database:
        before = database.execute("SELECT count(*) FROM log").fetchone()[0]
    cleaned = catwalk("clean", "--yes", "--days", "0", CATWALK_HOME=str(home))
    printed, _ = cleaned.communicate(timeout=300)
    assert cleaned.returncode == 0, printed
    assert re.search(r"\d+ rows  of Airflow's database", printed) and "Removed" in printed
    with sqlite3.connect(home / "airflow" / "airflow.db") as database:
        assert database.execute("SELECT count(*) FROM log").fetchone()[0] < before
