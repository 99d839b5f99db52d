"""The examples run outside Catwalk: plain Python, and the ONNX file in a real browser."""

import functools
import http.server
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from model_zoo.config import Settings
from model_zoo.predictor import load_classifier

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture(scope="module")
def exported(settings: Settings, first_run: dict) -> Path:
    return settings.run_dir("first") / "served"


def test_thirty_lines_of_python_need_only_numpy_and_onnxruntime(
    settings: Settings, exported: Path, tmp_path: Path
) -> None:
    from model_zoo.runs.steps import test_images

    program = EXAMPLES / "predict.py"
    source = program.read_text()
    assert len(source.splitlines()) <= 32
    imports = set(re.findall(r"^(?:import|from) (\w+)", source, re.MULTILINE))
    assert imports - set(sys.stdlib_module_names) == {"numpy", "onnxruntime"}
    images = test_images(settings.run_dir("first")).images[:5]
    np.save(tmp_path / "images.npy", images)
    done = subprocess.run(
        [sys.executable, program, exported, tmp_path / "images.npy"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    expected = load_classifier(settings, str(exported)).predict(images)
    for line, one in zip(done.stdout.splitlines(), expected, strict=True):
        assert line.startswith(f"{one.label} {one.confidence:.1%}, most of it from cell")


@pytest.fixture(scope="module")
def site(exported: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The page with its package from npm and an exported version, served on loopback."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("npm is not installed: the browser example cannot be built")
    folder = tmp_path_factory.mktemp("browser")
    for name in ("index.html", "classify.js", "package.json"):
        shutil.copy(EXAMPLES / "browser" / name, folder)
    shutil.copytree(exported, folder / "version")
    subprocess.run(
        [npm, "install", "--no-audit", "--no-fund", "--ignore-scripts"],
        cwd=folder,
        check=True,
        capture_output=True,
    )
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def test_the_onnx_file_predicts_in_a_browser(
    site: str, settings: Settings, exported: Path, tmp_path: Path
) -> None:
    from playwright.sync_api import expect, sync_playwright

    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("no Chromium on this machine")
    from model_zoo.images import png, read_image

    classifier = load_classifier(settings, str(exported))
    import base64

    content = base64.b64decode(classifier.facts["examples"][1]["png"])
    image = read_image(content, classifier.image_shape, 10**6)
    (known,) = classifier.predict(image[None])
    said = f"{known.label}, {100 * known.confidence:.1f} % confident"
    (tmp_path / "garment.png").write_bytes(png(image))
    (tmp_path / "notes.png").write_bytes(b"no image")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page()
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        requested: list[str] = []
        page.on("request", lambda request: requested.append(request.url))
        page.goto(site)
        expect(page.locator("#answer")).to_have_text(
            "Choose an image or an example", timeout=60_000
        )
        expect(page.locator("#examples button")).to_have_count(10)
        page.locator("#examples button").nth(1).click()
        expect(page.locator("#answer")).to_have_text(said)
        expect(page.locator("#bars tr")).to_have_count(10)
        page.locator("#file").set_input_files(tmp_path / "notes.png")
        expect(page.locator("#answer")).to_contain_text("not an image that this browser reads")
        page.locator("#file").set_input_files(tmp_path / "garment.png")
        expect(page.locator("#answer")).to_have_text(said)
        browser.close()
    assert errors == []
    assert all(url.startswith((site, "data:", "blob:")) for url in requested), requested
