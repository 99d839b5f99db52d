"""The examples: a notebook, plain Python outside Catwalk, and the ONNX file in a real browser."""

from __future__ import annotations

import base64
import functools
import http.server
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from first_run import FirstRun
from PIL import Image

from model_zoo.data import store as dataset_store
from model_zoo.files import read_json
from model_zoo.images import png, read_image
from model_zoo.predictor import load_classifier
from model_zoo.registry.store import Store
from model_zoo.settings import Places, Serving

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture(scope="module")
def exported(first_run: FirstRun) -> Path:
    return first_run.folder / "served"


@pytest.fixture(scope="module")
def test_images(places: Places, exported: Path) -> np.ndarray:
    digest = read_json(exported / "classifier.json")["dataset_digest"]
    return dataset_store.load(places.datasets_dir, digest, "test").images


def test_thirty_lines_of_python_need_only_numpy_and_onnxruntime(
    store: Store, places: Places, exported: Path, test_images: np.ndarray, tmp_path: Path
) -> None:
    program = EXAMPLES / "predict.py"
    source = program.read_text()
    assert len(source.splitlines()) <= 32
    imports = set(re.findall(r"^(?:import|from) (\w+)", source, re.MULTILINE))
    assert imports - set(sys.stdlib_module_names) == {"numpy", "onnxruntime"}
    images = test_images[:5]
    np.save(tmp_path / "images.npy", images)
    done = subprocess.run(
        [sys.executable, program, exported, tmp_path / "images.npy"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    version = load_classifier(store, Serving.load(), places.cache_dir, str(exported))
    expected = version.predict(images)
    for line, one in zip(done.stdout.splitlines(), expected, strict=True):
        assert line.startswith(f"{one.label} {one.confidence:.1%}, most of it from cell")


def test_the_notebook_predicts_with_production_and_draws_heatmaps(
    exported: Path, tmp_path: Path
) -> None:
    program = EXAMPLES / "notebook.py"
    imports = re.findall(r"^from (model_zoo\S*) import", program.read_text(), re.MULTILINE)
    assert imports == ["model_zoo"], "the public face is enough"
    done = subprocess.run(
        [sys.executable, program],
        cwd=tmp_path,
        env=os.environ | {"MPLBACKEND": "Agg"},
        capture_output=True,
        text=True,
        check=True,
    )
    labels = read_json(exported / "classifier.json")["labels"]
    assert f"version 1: {', '.join(labels)}" in done.stdout
    assert [line.split(":")[0] for line in done.stdout.splitlines()[2:]] == labels
    with Image.open(tmp_path / "heatmaps.png") as drawn:
        assert drawn.width > drawn.height > 200


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
    site: str, store: Store, places: Places, exported: Path, tmp_path: Path
) -> None:
    from playwright.sync_api import expect, sync_playwright

    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("no Chromium on this machine")
    classifier = load_classifier(store, Serving.load(), places.cache_dir, str(exported))
    content = base64.b64decode(classifier.facts["examples"][1]["png"])
    image = read_image(content, classifier.image_shape, classifier.preparation, 10**6)
    (known,) = classifier.predict(image[None])
    said = f"{known.label}, {100 * known.confidence:.1f} % confident"
    (tmp_path / "picture.png").write_bytes(png(image))
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
        page.locator("#file").set_input_files(tmp_path / "picture.png")
        expect(page.locator("#answer")).to_have_text(said)
        browser.close()
    assert errors == []
    assert all(url.startswith((site, "data:", "blob:")) for url in requested), requested
