"""The real page in headless Chromium, served by gunicorn as in production."""

import base64
import io
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from dash_app.settings import PageSettings
from model_zoo.data.corrections import CorrectionStore
from model_zoo.registry.experiment import ensure_experiment
from model_zoo.registry.promotion import promote
from model_zoo.registry.store import Store, store_of
from model_zoo.settings import Places, Project

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
PATIENCE = 60_000  # milliseconds, for a machine that is busy
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


def serve(home: Path, **more: str) -> tuple[subprocess.Popen, str]:
    """The page of a home, as users start it; returns when it answers."""
    port = free_port()
    env = os.environ | {"CATWALK_HOME": str(home), "CATWALK_PAGE_PORT": str(port)} | more
    process = subprocess.Popen(
        [sys.executable, "-m", "dash_app"], env=env, stderr=subprocess.DEVNULL
    )
    url = f"http://127.0.0.1:{port}"
    for _ in range(600):
        try:
            DIRECT.open(f"{url}/healthz")
            return process, url
        except OSError:
            assert process.poll() is None, "the page ended"
            time.sleep(0.1)
    pytest.fail("the page did not answer within a minute")


def stop(process: subprocess.Popen) -> None:
    process.send_signal(signal.SIGTERM)
    process.wait(timeout=60)


@pytest.fixture(scope="module")
def url(page_places: Places) -> Iterator[str]:
    process, url = serve(page_places.home)
    yield url
    stop(process)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=[
                "--no-sandbox",
                "--use-fake-device-for-media-stream",
                "--use-fake-ui-for-media-stream",
            ],
        )
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def visitor(browser: Browser) -> Iterator[BrowserContext]:
    """One visitor for most tests: the scripts are fetched once."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(PATIENCE)
    expect.set_options(timeout=PATIENCE)
    yield context
    context.close()


@pytest.fixture
def page(visitor: BrowserContext, url: str) -> Iterator[Page]:
    """A page just opened, whose scripts may not fail, and whose policy may not be broken."""
    page = visitor.new_page()
    errors = watch(page)
    page.goto(url)
    expect(page.locator("#examples button")).to_have_count(10)
    yield page
    page.close()
    assert errors == []


def watch(page: Page) -> list[str]:
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on(
        "console",
        lambda message: (
            errors.append(message.text)
            if "Content Security Policy" in message.text or "Callback error" in message.text
            else None
        ),
    )
    return errors


def as_file(content: bytes, name: str = "a.png", kind: str = "image/png") -> dict:
    return {"name": name, "mimeType": kind, "buffer": content}


def drop(page: Page, *files: dict, into: str = "#upload") -> None:
    page.locator(f"{into} input[type=file]").set_input_files(list(files))


def open_tab(page: Page, name: str) -> None:
    page.get_by_role("tab", name=name).click()


def test_an_example_is_answered_with_bars_heatmap_and_version(page: Page) -> None:
    expect(page.locator("#version")).to_contain_text("version 1")
    page.locator("#examples button").nth(1).click()
    expect(page.locator("#answered-by")).to_contain_text("labelled Trouser")
    expect(page.locator("#answered-by")).to_contain_text("version 1")
    expect(page.locator("#bars .bars .point")).to_have_count(10)
    expect(page.locator("#confidence")).to_contain_text("% confident")
    assert page.locator("#heat").get_attribute("src").startswith("data:image/png")


def test_the_heatmap_grows_stronger_by_its_slider(page: Page) -> None:
    page.locator("#examples button").nth(8).click()
    heat, slider = page.locator("#heat"), page.locator("#strength")
    expect(heat).to_have_css("opacity", "0.6")
    slider.focus()
    slider.press("End")
    expect(heat).to_have_css("opacity", "1")
    slider.press("Home")
    expect(heat).to_have_css("opacity", "0")
    expect(page.locator("#heat-class")).to_have_value(page.locator("#label").inner_text())


def test_a_photo_is_prepared_in_steps_that_can_be_switched_off(page: Page, photo: bytes) -> None:
    drop(page, as_file(photo, "photo.jpg", "image/jpeg"))
    expect(page.locator("#answered-by")).to_contain_text("photo.jpg")
    steps = page.locator("#preparation .step")
    expect(steps).to_have_count(7)
    expect(page.locator("#preparation")).to_contain_text("turned as the camera says")
    expect(page.locator("#preparation")).to_contain_text("inverted: the garment is darker")
    seen = page.locator("#seen img").get_attribute("src")
    page.get_by_role("switch", name="Crop to garment").click(force=True)
    expect(steps.nth(4)).to_contain_text("switched off")
    expect(page.locator("#seen img")).not_to_have_attribute("src", seen)
    page.get_by_role("button", name="All steps on").click()
    expect(page.locator("#seen img")).to_have_attribute("src", seen)


def test_a_file_that_is_no_image_is_a_message_also_the_second_time(
    page: Page, example: bytes
) -> None:
    for _ in range(2):
        drop(page, as_file(b"no image"))
        expect(page.locator("#message")).to_contain_text("not an image that can be read")
        drop(page, as_file(example))
        expect(page.locator("#label")).to_be_visible()
        expect(page.locator("#message")).to_be_empty()


def test_more_than_the_server_takes_is_said_before_it_is_sent(page: Page, tmp_path: Path) -> None:
    big, second = tmp_path / "big.png", tmp_path / "second.png"  # by path: quicker than by content
    for path in (big, second):
        path.write_bytes(b"\0" * 15 * 2**20)
    files = page.locator("#upload input[type=file]")
    files.set_input_files([big, second])
    expect(page.locator("#message")).to_contain_text("30 MiB; at most 28 are sent at once")
    files.set_input_files(big)
    expect(page.locator("#message")).to_contain_text("15.0 MiB; at most 10 are read")


def test_several_files_are_a_row_to_choose_from(page: Page, example: bytes, photo: bytes) -> None:
    drop(page, as_file(example, "first.png"), as_file(b"no", "bad.png"), as_file(photo, "last.jpg"))
    expect(page.locator(".tile")).to_have_count(3)
    expect(page.locator("#answered-by")).to_contain_text("first.png")
    page.locator(".tile").nth(2).click()
    expect(page.locator("#answered-by")).to_contain_text("last.jpg")
    page.locator(".tile").nth(1).click()
    expect(page.locator("#message")).to_contain_text("not an image that can be read")


def test_an_image_can_be_pasted(page: Page, example: bytes) -> None:
    page.evaluate(
        """(encoded) => {
            const bytes = Uint8Array.from(atob(encoded), (c) => c.charCodeAt(0));
            const data = new DataTransfer();
            data.items.add(new File([bytes], "pasted.png", { type: "image/png" }));
            document.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data }));
        }""",
        base64.b64encode(example).decode(),
    )
    expect(page.locator("#answered-by")).to_contain_text("pasted.png")


def test_the_camera_takes_a_photo(page: Page) -> None:
    page.get_by_role("button", name="Take a photo").click()
    expect(page.locator(".viewfinder video")).to_be_visible()
    expect(page.locator(".viewfinder video")).to_have_js_property("readyState", 4)
    page.get_by_role("button", name="Take it").click()
    expect(page.locator("#answered-by")).to_contain_text("photo.jpg")
    expect(page.locator(".viewfinder")).to_have_count(0)


def test_the_gallery_has_more_test_images_of_a_class(page: Page) -> None:
    expect(page.locator("#gallery button")).to_have_count(15)
    first = page.locator("#gallery img").first.get_attribute("alt")
    page.get_by_role("button", name="Others").click()
    expect(page.locator("#gallery img").first).not_to_have_attribute("alt", first)
    page.locator("#gallery button").first.click()
    expect(page.locator("#answered-by")).to_contain_text("labelled T-shirt/top")


def test_an_image_unlike_the_training_data_is_said_to_be(page: Page) -> None:
    import numpy as np
    from PIL import Image

    target = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 120, (28, 28), np.uint8)
    Image.fromarray(noise).save(target, "PNG")
    drop(page, as_file(target.getvalue()))
    expect(page.locator("#doubts")).to_contain_text("Looks unlike the training images")


def test_a_correction_is_stored_for_the_workflow(
    page: Page, page_places: Places, store: Store
) -> None:
    folder = page_places.home / "feedback" / store.model
    corrections = CorrectionStore(folder, PageSettings().feedback_limit)
    before = corrections.count()
    page.locator("#examples button").nth(3).click()
    expect(page.locator("#correction")).to_contain_text("Sending stores the small image")
    page.get_by_role("button", name="Send the correction").click()
    expect(page.locator("#corrected")).to_contain_text("Choose what it is")
    page.locator("#right-class").click()
    page.get_by_role("option", name="Coat").click()
    page.get_by_role("button", name="Send the correction").click()
    expect(page.locator("#corrected")).to_contain_text("stored as Coat")
    assert corrections.count() == before + 1
    last = corrections.read()[-1]
    assert last.corrected == "Coat" and last.version == "1" and last.image.shape == (28, 28)


def test_production_is_compared_with_another_version(page: Page) -> None:
    page.locator("#examples button").nth(4).click()
    expect(page.locator("#answered-by")).to_contain_text("Coat")
    open_tab(page, "Compare")
    expect(page.locator("#answer-production")).to_contain_text("production, version 1")
    expect(page.locator("#answer-other")).to_contain_text("version 2")
    expect(page.locator("#compare-test-set")).to_contain_text("give the same answer")
    expect(page.locator("#compare-classes .bars .point")).to_have_count(20)
    count = page.locator("#difference-count")
    expect(count).to_contain_text(re.compile(r"^[\d,]+ images"))
    everything = count.inner_text()
    page.locator("#difference-kind").click()
    page.get_by_role("option", name="only production is right").click()
    expect(count).not_to_have_text(everything)
    for words in page.locator("#difference-images figcaption").all_inner_texts()[:5]:
        assert re.search(r"production: .* ✓\n?version 2: .* ✗", words.replace("\n\n", "\n")), words


def test_the_model_tab_tells_how_it_was_made_and_shows_its_mistakes(page: Page) -> None:
    open_tab(page, "Model")
    model = page.locator("#model")
    for words in (
        "tiny",
        "Version 1 of",
        "Passed the gate",
        "model.onnx",
        "What was in production",
    ):
        expect(model).to_contain_text(words)
    expect(page.locator("#curve-accuracy .scatterlayer .trace")).to_have_count(2)
    expect(page.locator("#reliability .scatterlayer .trace")).to_have_count(2)
    expect(page.locator(".cell")).to_have_count(100)
    cell = page.locator(".cell:not(.right):enabled").first
    words = cell.get_attribute("aria-label")
    cell.click()
    true = re.match("true (.*), said", words)[1]
    shown = min(30, int(words.rsplit(": ", 1)[1].split()[0].replace(",", "")))
    expect(page.locator("#cell-images")).to_contain_text(f"{true}, taken for")
    expect(page.locator("#cell-images img")).to_have_count(shown)
    expect(model).to_contain_text("Model card")


def test_a_zip_becomes_a_table_and_a_csv(page: Page, example: bytes, photo: bytes) -> None:
    open_tab(page, "Batch")
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("a/first.png", example)
        archive.writestr("=cmd().jpg", photo)
        archive.writestr("notes.txt", "no image")
        archive.writestr("__MACOSX/._first.png", "no file of theirs")
    drop(page, as_file(target.getvalue(), "a.zip", "application/zip"), into="#batch-upload")
    expect(page.locator("#batch-summary")).to_contain_text("3 pictures, 1 could not be read")
    expect(page.locator("#batch-table .ag-center-cols-container .ag-row")).to_have_count(3)
    page.locator("#batch-table .ag-header-cell-text", has_text="Confidence").click()
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Download as CSV").click()
    lines = Path(waiting.value.path()).read_text().splitlines()
    assert lines[0].startswith("file,label,confidence,doubts,version,T-shirt/top,Trouser")
    assert lines[1].startswith("first.png,") and lines[2].startswith("'=cmd().jpg,")
    assert lines[3].startswith('notes.txt,,,"this is not an image')


def test_everything_is_reached_with_the_keyboard_alone(page: Page) -> None:
    def tab_to(selector: str) -> None:
        for _ in range(60):
            page.keyboard.press("Tab")
            if page.evaluate("(s) => document.activeElement.matches(s)", selector):
                return
        pytest.fail(f"{selector} is not reached")

    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    tab_to("#examples button")
    page.keyboard.press("Enter")
    expect(page.locator("#answered-by")).to_contain_text("labelled T-shirt/top")
    tab_to("#strength, #strength *")
    page.keyboard.press("ArrowRight")
    tab_to("#preparation input[type=checkbox]")
    page.keyboard.press("Space")
    expect(page.locator("#preparation .step").nth(1)).to_contain_text("switched off")
    page.get_by_role("tab", name="Predict").focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#answer-production")).to_be_visible()
    for _ in range(2):
        page.keyboard.press("ArrowRight")
    expect(page.locator(".cell").first).to_be_visible()
    page.locator(".cell:not(.right):enabled").first.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#cell-images img").first).to_be_visible()


def test_a_phone_shows_all_of_it_without_scrolling_sideways(
    browser: Browser, url: str, photo: bytes
) -> None:
    context = browser.new_context(viewport={"width": 360, "height": 740}, has_touch=True)
    page = context.new_page()
    errors = watch(page)
    page.goto(url)
    drop(page, as_file(photo, "photo.jpg", "image/jpeg"))
    expect(page.locator("#answered-by")).to_contain_text("photo.jpg")
    for name in ("Predict", "Compare", "Batch", "Model"):
        open_tab(page, name)
        expect(page.get_by_role("tabpanel", name=name)).to_be_visible()
        page.wait_for_load_state("networkidle")
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= 360, f"{name} is {wide} px wide"
    context.close()
    assert errors == []


def test_an_accessibility_check_finds_nothing_serious_in_light_or_dark(
    browser: Browser, url: str, photo: bytes
) -> None:
    context = browser.new_context(bypass_csp=True, reduced_motion="reduce")  # axe is injected
    page = context.new_page()
    page.goto(url)
    drop(page, as_file(photo, "photo.jpg", "image/jpeg"))
    expect(page.locator("#answered-by")).to_contain_text("photo.jpg")
    found = []
    for name, ready in (
        ("Predict", "#result"),
        ("Compare", "#compare-classes"),
        ("Batch", "#batch-upload"),
        ("Model", ".confusion"),
    ):
        open_tab(page, name)
        expect(page.locator(ready)).to_be_visible()
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            expect(page.locator("html")).to_have_attribute("data-mantine-color-scheme", scheme)
            found += [(name, scheme, *one) for one in serious_findings(page)]
    context.close()
    assert found == []


def serious_findings(page: Page) -> list[tuple[str, str, list[str]]]:
    """What axe finds in the page: a rule, what it asks for, and where it is broken."""
    from axe_playwright_python.sync_playwright import Axe

    return [
        (one["id"], one["help"], [node["html"][:120] for node in one["nodes"][:3]])
        for one in Axe().run(page).response["violations"]
        if one["impact"] in ("serious", "critical")
    ]


def test_a_bug_or_a_dead_server_is_said_in_the_page(browser: Browser, page_places: Places) -> None:
    process, url = serve(page_places.home)
    expect.set_options(timeout=PATIENCE)
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


def wait_for(url: str, process: subprocess.Popen) -> None:
    for _ in range(900):
        try:
            DIRECT.open(url)
            return
        except OSError:
            assert process.poll() is None, "the server ended"
            time.sleep(0.1)
    pytest.fail(f"{url} did not answer in time")


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
