"""The tab Predict in headless Chromium, served by gunicorn as in production."""

import base64
import io
from pathlib import Path

import numpy as np
from browsing import as_file, drop
from PIL import Image
from playwright.sync_api import Page, expect

from model_zoo.data.corrections import corrections_of
from model_zoo.settings import Places, Project


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
    target = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 120, (28, 28), np.uint8)
    Image.fromarray(noise).save(target, "PNG")
    drop(page, as_file(target.getvalue()))
    expect(page.locator("#doubts")).to_contain_text("Looks unlike the training images")


def test_a_correction_waits_for_review_and_the_picture_goes_along_only_with_consent(
    page: Page, page_places: Places, project: Project
) -> None:
    corrections = corrections_of(project.name, page_places)
    before = len(corrections.all())
    page.locator("#examples button").nth(3).click()
    expect(page.locator("#correction")).to_contain_text("for a person to review")
    page.get_by_role("button", name="Send the correction").click()
    expect(page.locator("#corrected")).to_contain_text("Choose what it is")
    for agree, right in ((False, "Coat"), (True, "Shirt")):
        page.locator("#right-class").click()
        page.get_by_role("option", name=right, exact=True).click()
        if agree:
            page.get_by_label("Keep my picture too").check()
        else:
            expect(page.get_by_label("Keep my picture too")).not_to_be_checked()
        page.get_by_role("button", name="Send the correction").click()
        expect(page.locator("#corrected")).to_contain_text(f"stored as {right}, and waits")
    without, along = corrections.all()[before:]
    assert (without.label, along.label, along.version) == ("Coat", "Shirt", "1")
    assert not without.has_picture and corrections.picture(along) is not None
    seen = corrections.seen(without)
    assert seen is not None and seen.shape == (28, 28)
