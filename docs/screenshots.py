"""Make the pictures that the README shows, from the running product itself.

    python -m docs.screenshots [--to docs/images] [--project NAME | --arriving NAME]

Starts `catwalk up` for CATWALK_HOME and drives Chromium: the page light, dark and on a phone, the
DAG in Airflow, runs and versions in MLflow. The home needs a version in production, and a second
one for Compare. With `--project` it takes only the page of that project, as `page-NAME.png`.
With `--arriving` it takes the tabs Data and Review of one that has corrections which wait and an
order of what to label: those of the docs are of `python -m examples.growing`.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright

from model_zoo.settings import load_project

MOST_BYTES = 300_000
PATIENCE = 60_000  # milliseconds


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--to", type=Path, default=Path(__file__).parent / "images")
    parser.add_argument("--project", help="take only the page of this one")
    parser.add_argument("--arriving", help="take only Data and Review of this one")
    given = parser.parse_args()
    folder = given.to
    folder.mkdir(parents=True, exist_ok=True)
    if given.arriving:
        return of_arriving(given.arriving, folder)
    if given.project:
        return of_project(given.project, folder)
    with catwalk_up() as places, sync_playwright() as playwright:
        chromium = shutil.which("chromium") or shutil.which("google-chrome")
        expect.set_options(timeout=PATIENCE)
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        desk(browser, places["Page"], "light", folder)
        desk(browser, places["Page"], "dark", folder)
        phone(browser, places["Page"], folder)
        airflow(browser, places["Airflow"], places["password"], folder)
        mlflow(browser, places["MLflow"], folder)
        browser.close()
    for path in sorted(folder.glob("*.png")):
        print(f"{path}: {shrink(path) / 1000:.0f} kB")
    return 0


def of_project(name: str, folder: Path) -> int:
    """The page of one project, light: its first example is answered."""
    path = folder / f"page-{name}.png"
    with catwalk_up() as places, sync_playwright() as playwright:
        chromium = shutil.which("chromium") or shutil.which("google-chrome")
        expect.set_options(timeout=PATIENCE)
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1240, "height": 900}, color_scheme="light")
        predict(page, f"{places['Page']}/p/{name}/", example=0)
        expect(page.locator("#gallery button").first).to_be_visible()
        shoot(page, path)
        browser.close()
    print(f"{path}: {shrink(path) / 1000:.0f} kB")
    return 0


def of_arriving(name: str, folder: Path) -> int:
    """Data, what waits for review, and what to label, light."""
    taken = [folder / f"page-{one}.png" for one in ("data", "review", "review-label")]
    with catwalk_up() as places, sync_playwright() as playwright:
        chromium = shutil.which("chromium") or shutil.which("google-chrome")
        expect.set_options(timeout=PATIENCE)
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1240, "height": 900}, color_scheme="light")
        page.goto(f"{places['Page']}/p/{name}/#data")
        expect(page.locator("#data img").first).to_be_visible()
        shoot(page, taken[0])
        page.get_by_role("tab", name="Review").click()
        expect(page.locator(".review-alike img").first).to_be_visible()
        shoot(page, taken[1])
        page.get_by_text("To label", exact=True).click()
        expect(page.locator("#review-said")).to_be_hidden()
        expect(page.locator("#review-count")).to_contain_text("unlabelled")
        shoot(page, taken[2])
        browser.close()
    for path in taken:
        print(f"{path}: {shrink(path) / 1000:.0f} kB")
    return 0


@contextmanager
def catwalk_up() -> Iterator[dict[str, str]]:
    """Everything, on free ports; where each part is, and Airflow's password."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(3)]
    names = ("PAGE", "AIRFLOW", "MLFLOW")
    ports = {
        f"CATWALK_{name}_PORT": str(one.getsockname()[1])
        for name, one in zip(names, sockets, strict=True)
    }
    for one in sockets:
        one.close()
    server = subprocess.Popen(
        [sys.executable, "-m", "launcher.cli", "up"],
        env=os.environ | ports,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        places: dict[str, str] = {}
        assert server.stdout is not None
        for line in server.stdout:
            words = line.split()
            if len(words) > 1 and words[1].startswith("http"):
                places[words[0]] = words[1]
            if "password" in words:
                places["password"] = words[-1]
            if line.startswith("Retrain:"):
                break
        else:
            raise SystemExit("`catwalk up` ended: run it by itself to see why")
        yield places
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait()


def airflow(browser: Browser, url: str, password: str, folder: Path) -> None:
    page = browser.new_page(viewport={"width": 1240, "height": 800}, color_scheme="light")
    page.goto(f"{url}/auth/login")
    page.fill("input[name=username]", "admin")
    page.fill("input[name=password]", password)
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"^(?!.*login)"))
    page.goto(f"{url}/dags/{load_project().dag_id}")
    expect(page.get_by_text("promote", exact=True).first).to_be_visible()
    page.wait_for_timeout(3000)  # the grid's squares
    shoot(page, folder / "airflow-dag.png")
    page.close()


def mlflow(browser: Browser, url: str, folder: Path) -> None:
    page = browser.new_page(viewport={"width": 1240, "height": 800}, color_scheme="light")
    page.goto(f"{url}/#/experiments/1/runs")
    expect(page.get_by_text("demo-1").first).to_be_visible()
    close = page.get_by_role("button", name=re.compile("close", re.I))
    if close.count():  # the assistant's panel, open at the first visit
        close.first.click()
    page.wait_for_timeout(2000)
    shoot(page, folder / "mlflow-runs.png")
    page.goto(f"{url}/#/models/{load_project().registered_model}")
    expect(page.get_by_text("Version 1").first).to_be_visible()
    page.wait_for_timeout(2000)
    shoot(page, folder / "mlflow-versions.png")
    page.close()


def desk(browser: Browser, url: str, scheme: str, folder: Path) -> None:
    page = browser.new_page(viewport={"width": 1240, "height": 980}, color_scheme=scheme)  # type: ignore[arg-type]
    predict(page, url)
    shoot(page, folder / f"page-predict-{scheme}.png")
    page.get_by_role("tab", name="Compare").click()
    expect(page.locator("#compare-classes .points .point").first).to_be_visible()
    shoot(page, folder / f"page-compare-{scheme}.png")
    page.get_by_role("tab", name="Model").click()
    cell = page.locator('.cell[aria-label^="true Shirt, said Coat"]')
    expect(cell).to_be_visible()
    cell.click()
    expect(page.locator("#cell-images img").first).to_be_visible()
    page.locator(".confusion").scroll_into_view_if_needed()
    shoot(page, folder / f"page-model-{scheme}.png")
    page.close()


def phone(browser: Browser, url: str, folder: Path) -> None:
    context = browser.new_context(
        viewport={"width": 390, "height": 844}, device_scale_factor=2, has_touch=True
    )
    page = context.new_page()
    predict(page, url)
    page.locator("#label").scroll_into_view_if_needed()
    page.evaluate("window.scrollTo(0, document.querySelector('#label').offsetTop - 70)")
    shoot(page, folder / "page-phone.png")
    context.close()


def predict(page: Page, url: str, example: int = 6) -> None:
    page.goto(url)
    page.locator("#examples button").nth(example).click()
    expect(page.locator("#bars .bars .point").first).to_be_visible()


def shoot(page: Page, path: Path) -> None:
    page.wait_for_timeout(1500)  # Plotly's transition, MLflow's tables; Airflow polls without end
    page.screenshot(path=path)


def shrink(path: Path) -> int:
    """Smaller until it has at most 300 kB; its bytes."""
    with Image.open(path) as opened:
        image = opened.convert("RGB")
    while True:
        image.save(path, optimize=True)
        if path.stat().st_size <= MOST_BYTES:
            return path.stat().st_size
        image = image.resize((image.width * 9 // 10, image.height * 9 // 10))


if __name__ == "__main__":
    raise SystemExit(main())
