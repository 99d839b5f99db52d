"""What the page says when its server, the registry or production is away, or moves."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

from browsing import (
    as_file,
    drop,
    free_port,
    open_tab,
    serious_findings,
    serve,
    stop,
    wait_for,
)
from playwright.sync_api import Browser, expect

from model_zoo.registry.experiment import ensure_experiment
from model_zoo.registry.promotion import promote
from model_zoo.registry.store import store_of
from model_zoo.settings import Places, Project


def test_a_bug_or_a_dead_server_is_said_in_the_page(browser: Browser, page_places: Places) -> None:
    process, url = serve(page_places.home)
    context = browser.new_context()
    page = context.new_page()
    try:
        page.goto(url)
        expect(page.locator("#examples button")).to_have_count(10)
        expect(page.locator("#trouble")).to_be_hidden()
        callbacks = re.compile("_dash-update-component")  # what follows it differs
        page.route(callbacks, lambda route: route.fulfill(status=500, body="{}"))
        page.locator("#examples button").nth(1).click()
        expect(page.locator("#trouble")).to_contain_text("its log says what")
        page.unroute(callbacks)
        expect(page.locator("#trouble")).to_be_hidden()
    finally:
        stop(process)
    expect(page.locator("#trouble")).to_contain_text("The server does not answer")
    context.close()


def test_the_alias_moves_and_mlflow_stops_while_people_predict(
    browser: Browser, project: Project, copy_of_home, example: bytes, photo: bytes
) -> None:
    places = copy_of_home()
    mlflow_port = free_port()
    tracking = f"http://127.0.0.1:{mlflow_port}"
    mlflow = subprocess.Popen(
        [
            *(sys.executable, "-m", "mlflow", "server", "--workers", "1"),
            *("--backend-store-uri", store_of(project, places).uri, "--port", str(mlflow_port)),
        ],
        env=os.environ | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        wait_for(f"{tracking}/health", mlflow)
        process, url = serve(places.home, CATWALK_TRACKING_URI=tracking, CATWALK_POLL_SECONDS="1")
        context = browser.new_context()
        page = context.new_page()
        page.goto(url)
        expect(page.locator("#version")).to_contain_text("version 1")
        page.locator("#examples button").nth(2).click()
        expect(page.locator("#answered-by")).to_contain_text("version 1")

        promote(store_of(project, copy_of_home(tracking_uri=tracking)), "2", "by a test")
        expect(page.locator("#version")).to_contain_text("version 2", timeout=30_000)
        page.locator("#examples button").nth(2).click()
        expect(page.locator("#answered-by")).to_contain_text("version 2")

        os.killpg(mlflow.pid, signal.SIGKILL)
        mlflow.wait()
        expect(page.locator("#banner")).to_contain_text(
            "MLflow does not answer: version 2, the last good one, goes on answering",
            timeout=60_000,
        )
        drop(page, as_file(photo, "photo.jpg", "image/jpeg"))
        expect(page.locator("#answered-by")).to_contain_text("version 2")
        stop(process)

        process, url = serve(places.home, CATWALK_TRACKING_URI=tracking)  # from its disk cache
        page.goto(url)
        expect(page.locator("#version")).to_contain_text("version 2")
        page.locator("#examples button").nth(2).click()
        expect(page.locator("#answered-by")).to_contain_text("version 2")
        context.close()
    finally:
        if mlflow.poll() is None:
            os.killpg(mlflow.pid, signal.SIGKILL)
        stop(process)


def test_with_nothing_in_production_the_page_says_what_to_run(
    browser: Browser, project: Project, places: Places, tmp_path: Path
) -> None:
    ensure_experiment(store_of(project, places.model_copy(update={"home": tmp_path})))
    process, url = serve(tmp_path)
    try:
        page = browser.new_page(bypass_csp=True)
        page.goto(url)
        expect(page.locator("#banner")).to_contain_text("run `catwalk demo`")
        assert serious_findings(page) == []
        for name in ("Compare", "Model"):
            open_tab(page, name)
            expect(page.get_by_role("tabpanel", name=name)).to_contain_text("run `catwalk demo`")
        page.close()
    finally:
        stop(process)
