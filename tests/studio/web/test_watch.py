"""Runs, datasets and maps in a real browser, during and after training."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

expect = pytest.importorskip("playwright.sync_api", reason="playwright is not installed").expect
Visit = Callable[..., Any]


def fits(page: Any) -> bool:
    """Return whether nothing is wider than the window."""
    return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


def test_a_running_training_updates_its_panel(
    visit: Visit, size: str, address: str, place: Path, measure: Callable[..., None]
) -> None:
    run = place / "going"
    page = visit(f"{address}/watch", size)  # it selects runs in training
    panel = page.get_by_role("article", name="going")
    panel.locator(".status", has_text="running").wait_for()
    expect(page.get_by_role("article")).to_have_count(1)
    panel.locator(".health", has_text="Too early to judge.").wait_for()
    chart = panel.get_by_role("img", name=re.compile("^Losses"))
    chart.wait_for()
    sheets = panel.get_by_role("slider")
    before = int(sheets.get_attribute("max"))
    step = 10 + max(json.loads(line)["step"] for line in (run / "metrics.jsonl").read_text().splitlines())
    measure(run, step, loss=7.25, health="discriminator is winning")
    picture = Image.fromarray(np.full((64, 64, 3), 200, np.uint8))
    picture.save(run / "samples" / f"{step * 0.032:010.3f}.png")
    panel.locator(".health", has_text="Discriminator is winning.").wait_for()
    panel.get_by_role("img", name=re.compile("D 7.25")).wait_for()
    panel.get_by_text(f"Sheet {before + 2} of {before + 2}", exact=True).wait_for()
    listed = page.locator(".runs li", has_text="going").locator("img")
    expect(listed).to_have_attribute("src", re.compile(f"/{step * 0.032:010.3f}"))
    expect(panel.locator(".run-facts")).to_contain_text(f"{step * 32:,}")
    measure(run, step + 10)
    panel.locator(".health", has_text="Too early to judge.").wait_for()
    assert fits(page)


def test_sample_sheets_are_browsed_and_played(visit: Visit, size: str, address: str) -> None:
    page = visit(f"{address}/watch?run=done", size)
    panel = page.get_by_role("article", name="done")
    slider = panel.get_by_role("slider")
    slider.wait_for()
    newest = panel.locator(".sheets img").get_attribute("alt")
    slider.focus()
    page.keyboard.press("Home")
    panel.locator(".sheets img[alt*='after 0 images']").wait_for()
    page.wait_for_url("**/watch?run=done&kimg=0")  # the address can be shared
    panel.get_by_role("button", name="Play all sheets of done").click()
    panel.locator(f".sheets img[alt='{newest}']").wait_for()
    page.get_by_role("button", name="Video").click()
    page.get_by_role("dialog").locator("video").wait_for()
    page.keyboard.press("Escape")
    report = panel.get_by_role("link", name="Report")
    expect(report).to_have_attribute("href", re.compile(r"^/api/v1/runs/done/report\?v="))
    assert page.get_by_role("button", name="Train").count() == 0  # training is not allowed
    assert fits(page)


def test_runs_are_compared(visit: Visit, size: str, address: str) -> None:
    page = visit(f"{address}/compare", size)
    page.get_by_role("checkbox", name="going").check()
    page.get_by_text("Select another run").wait_for()
    page.get_by_role("checkbox", name="done").check()
    page.wait_for_url("**/compare?run=going&run=done")
    page.locator(".comparison").wait_for()
    row = page.get_by_role("row").filter(has=page.get_by_role("rowheader", name="seed", exact=True))
    expect(row.get_by_role("cell")).to_have_text(["0", "5"])
    health = page.get_by_role("row").filter(has=page.get_by_role("rowheader", name="health", exact=True))
    expect(health.get_by_role("cell").first).to_have_text("too early to judge")  # as on the page of the run
    assert page.get_by_role("rowheader", name="batch_size").count() == 0  # the runs do not differ in it
    chart = page.get_by_role("img", name=re.compile("^Losses.*going: D.*done: G"))
    expect(chart).to_have_attribute("aria-label", re.compile("kimg"))
    page.get_by_text("Minutes", exact=True).click()
    page.get_by_role("img", name=re.compile("^Losses.*minutes$")).wait_for()
    expect(page.locator(".side-by-side img")).to_have_count(2)
    assert fits(page)


def test_the_data_page_shows_images_and_rates(visit: Visit, size: str, address: str) -> None:
    page = visit(f"{address}/data", size)
    rate = page.get_by_role("button", name=re.compile("^Smiling"))
    rate.click()
    page.get_by_role("heading", name="Examples: Smiling").wait_for()
    page.wait_for_url("**/data?having=Smiling")
    sheet = page.locator("img.examples")
    assert sheet.evaluate("picture => picture.decode().then(() => picture.naturalWidth)") in (6 * 32, 12 * 32)
    page.get_by_text("facesmith data explore faces").wait_for()
    assert fits(page)


def test_faces_are_labelled_on_a_map_in_a_sandbox(visit: Visit, size: str, address: str) -> None:
    page = visit(f"{address}/map", size)
    frame = page.frame_locator("iframe")
    label, labels = frame.locator("#label-name"), frame.locator("#labels")
    frame.locator("#region-view").click()
    label.fill("happy")
    label.press("Enter")
    expect(labels).to_contain_text("100 with")
    (_, window) = page.frames
    assert window.evaluate("self.origin") == "null"
    page.wait_for_timeout(200)
    assert window.evaluate("document.documentElement.scrollHeight <= innerHeight")  # the studio scrolls instead
    page.evaluate("document.querySelector('a.brand').click()")
    page.wait_for_url(re.compile(rf"^{re.escape(address)}/(\?|$)"))
    page.go_back()
    expect(labels).to_contain_text("100 with")  # the labels survive a visit to another page
    assert fits(page)


def test_a_face_is_placed_on_a_map(visit: Visit, size: str, address: str) -> None:
    page = visit(f"{address}/map", size)
    page.get_by_role("button", name="Random face").click()
    frame = page.frame_locator("iframe")
    expect(frame.locator("#face-file")).to_contain_text("seed:")
    expect(frame.locator("#near button")).to_have_count(12)
    frame.get_by_role("radio", name="3D").click()
    frame.get_by_label("Colour by").select_option("Young")
    page.wait_for_url(re.compile(r"/map\?face=seed:[0-9]+&space=latents&method=pca&shape=3d&colour=Young$"))
    reopened = visit(page.url, size)
    frame = reopened.frame_locator("iframe")
    expect(frame.locator("#face-file")).to_contain_text("seed:")
    expect(frame.get_by_role("radio", name="3D")).to_have_attribute("aria-checked", "true")
    expect(frame.get_by_label("Colour by")).to_have_value("a:Young")
    reopened.get_by_role("button", name="Theme").click()
    reopened.get_by_role("button", name="Theme").click()
    expect(frame.locator("body")).to_have_css("background-color", "rgb(18, 20, 24)")
    reopened.get_by_role("button", name="Remove face").click()
    expect(frame.locator("#face-details")).to_be_hidden()


def test_a_lost_studio_is_reported_until_it_responds(
    visit: Visit, size: str, address: str, troubles: list[str]
) -> None:
    page = visit(f"{address}/compare", size)
    page.route(re.compile("/api/|/healthz"), lambda route: route.abort())
    page.evaluate("document.querySelector('a[href$=\"/data\"]').click()")
    notice = page.get_by_role("alert").get_by_text("not responding")
    notice.wait_for()
    assert fits(page)
    page.unroute_all()
    notice.wait_for(state="detached")
    page.locator("img.examples").wait_for()  # the page has loaded again
    page.route(re.compile("/api/"), lambda route: route.fulfill(status=401, body="{}"))
    page.evaluate("document.querySelector('a[href$=\"/compare\"]').click()")
    page.get_by_role("button", name="Enter the token").wait_for()
    troubles.clear()  # browsers log failed requests


def test_runs_and_photos_are_managed_in_forms(
    visit: Visit, size: str, place: Path, listening: Callable[..., Any], tmp_path: Path, troubles: list[str]
) -> None:
    for name in ("done", "faces"):
        shutil.copytree(place / name, tmp_path / name)
    with listening(str(tmp_path), allow_training=True) as address:
        page = visit(f"{address}/watch?run=done", size)
        panel, dialog = page.get_by_role("article", name="done"), page.get_by_role("dialog")
        panel.get_by_role("button", name="Use this model").wait_for()
        for button, value in (("Continue", "10"), ("Branch", "10")):
            panel.get_by_role("button", name=button).click()
            expect(dialog.get_by_label("Additional minutes")).to_have_value(value)
            if button == "Branch":
                expect(dialog.get_by_label("Run name")).to_have_value("done-2")
                assert dialog.get_by_label("Run name").evaluate("input => input.checkValidity()")
            page.keyboard.press("Escape")
        panel.get_by_role("button", name="Rename").click()
        dialog.get_by_label("New name").fill("best")
        dialog.get_by_role("button", name="Rename").click()
        page.wait_for_url("**/watch?run=best")
        page.get_by_role("article", name="best").get_by_role("button", name="Delete").click()
        dialog.get_by_role("button", name="Delete").click()
        page.get_by_role("heading", name="No runs yet").wait_for()
        page.goto(f"{address}/data?import=1")
        sheets = sorted((place / "done" / "samples").glob("*.png"))
        with page.expect_request("**/files?*") as sent:
            page.set_input_files("input[webkitdirectory]", sheets[0].parent)
        assert "samples" not in sent.value.url  # the chosen folder is no class of the photos
        dialog.get_by_label("Dataset name").wait_for()
        page.keyboard.press("Escape")
        dialog.wait_for(state="detached")
        assert fits(page)
        page.goto(f"{address}/watch?train=faces")
        expect(dialog.get_by_label("Run name")).to_have_value("tiny")
        dialog.get_by_label("Recipe").select_option("finetune")
        expect(dialog.get_by_label("Setting", exact=True)).to_have_value("model")
        page.keyboard.press("Escape")
        page.wait_for_url("**/watch")
    assert [path.name for path in tmp_path.iterdir()] == ["faces"]
    # The preview found no face in these sheets, or no upload any more; browsers log such responses.
    assert all("Failed to load resource" in text for text in troubles)
    troubles.clear()
