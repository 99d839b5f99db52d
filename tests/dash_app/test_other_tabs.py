"""The tabs Compare, Model and Batch; the whole page by keyboard, on a phone, by axe."""

import io
import re
import zipfile
from pathlib import Path

import pytest
from browsing import as_file, drop, open_tab, serious_findings, watch
from playwright.sync_api import Browser, Page, expect


def test_production_is_compared_with_another_version(page: Page) -> None:
    page.locator("#examples button").nth(4).click()
    expect(page.locator("#answered-by")).to_contain_text("Coat")
    open_tab(page, "Compare")
    expect(page.locator("#answer-production")).to_contain_text("production, version 1")
    expect(page.locator("#answer-other")).to_contain_text("version 2")
    expect(page.locator("#compare-test-set")).to_contain_text("give the same answer")
    expect(page.locator("#compare-classes .points .point")).to_have_count(10)
    test_set = page.locator("#compare-test-set")
    for words in ("balanced accuracy", "jpeg 2", "lowest quarter", "timed side by side"):
        expect(test_set).to_contain_text(re.compile(words, re.IGNORECASE))
    count = page.locator("#difference-count")
    expect(count).to_contain_text(re.compile(r"^[\d,]+ images"))
    everything = count.inner_text()
    page.locator("#difference-kind").click()
    page.get_by_role("option", name="only production is right").click()
    expect(count).not_to_have_text(everything)
    for words in page.locator("#difference-images figcaption").all_inner_texts()[:5]:
        assert re.search(r"production: .* ✓\n?version 2: .* ✗", words.replace("\n\n", "\n")), words
    page.locator("#difference-part").click()
    page.get_by_role("option", name="class: Coat").click()
    expect(count).to_contain_text(re.compile(r"^[\d,]+ images, the most confident mistakes first"))
    expect(page.locator("#difference-images figcaption strong").first).to_have_text("Coat")


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


def test_the_data_tab_shows_what_was_found_and_the_images_behind_each_number(page: Page) -> None:
    open_tab(page, "Data")
    data = page.locator("#data")
    expect(data).to_contain_text("The images of version 1")
    counts = {
        one.locator("span").inner_text(): int(one.locator("strong").inner_text().replace(",", ""))
        for one in data.locator(".number").all()
    }
    assert {"leaks between parts", "duplicates", "blank images"} <= counts.keys()
    for name, count in counts.items():
        shots = data.get_by_role("region", name=re.compile(f"^{name}: images", re.IGNORECASE))
        expect(shots.locator("img")).to_have_count(min(48, count))
    table = data.get_by_role("table").first
    expect(table.get_by_role("columnheader")).to_have_text(
        ["Class", "training", "validation", "test"]
    )
    expect(table.get_by_role("row")).to_have_count(11)


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
    for name in ("Predict", "Compare", "Batch", "Model", "Data", "Review"):
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
        ("Data", "#data .counts"),
        ("Review", "#review-count"),
    ):
        open_tab(page, name)
        expect(page.locator(ready)).to_be_visible()
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            expect(page.locator("html")).to_have_attribute("data-mantine-color-scheme", scheme)
            found += [(name, scheme, *one) for one in serious_findings(page)]
    context.close()
    assert found == []
