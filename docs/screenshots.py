"""Make the pictures of the page that the README shows, from the running product itself.

    python docs/screenshots.py [--to docs/images]

Serves the page of CATWALK_HOME on this machine and drives Chromium: light, dark, and a phone.
The home needs a version in production, and a second one for Compare.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright

MOST_BYTES = 300_000
PATIENCE = 60_000  # milliseconds
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--to", type=Path, default=Path(__file__).parent / "images")
    folder = parser.parse_args().to
    folder.mkdir(parents=True, exist_ok=True)
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, "-m", "dash_app"],
        env=os.environ | {"CATWALK_PAGE_PORT": str(port)},
        stderr=subprocess.DEVNULL,
    )
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    expect.set_options(timeout=PATIENCE)
    try:
        url = wait_until_ready(port, server)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            desk(browser, url, "light", folder)
            desk(browser, url, "dark", folder)
            phone(browser, url, folder)
            browser.close()
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait()
    for path in sorted(folder.glob("page-*.png")):
        print(f"{path}: {shrink(path) / 1000:.0f} kB")
    return 0


def wait_until_ready(port: int, server: subprocess.Popen[bytes]) -> str:
    url = f"http://127.0.0.1:{port}"
    while server.poll() is None:
        try:
            DIRECT.open(f"{url}/readyz")
            return url
        except OSError:
            time.sleep(0.2)
    raise SystemExit("the page ended: is something in production? Try `catwalk demo`")


def desk(browser: Browser, url: str, scheme: str, folder: Path) -> None:
    page = browser.new_page(viewport={"width": 1240, "height": 980}, color_scheme=scheme)  # type: ignore[arg-type]
    predict(page, url)
    shoot(page, folder / f"page-predict-{scheme}.png")
    page.get_by_role("tab", name="Compare").click()
    expect(page.locator("#compare-classes .bars .point").first).to_be_visible()
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


def predict(page: Page, url: str) -> None:
    page.goto(url)
    page.locator("#examples button").nth(6).click()
    expect(page.locator("#bars .bars .point").first).to_be_visible()


def shoot(page: Page, path: Path) -> None:
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(700)  # Plotly's transition
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
