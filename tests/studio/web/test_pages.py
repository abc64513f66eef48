"""Every page in a real browser, on desktop and phone: its main use and its downloads."""

import io
import json
import re
import shutil
import zipfile
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image, ImageSequence

import facesmith
from tests.studio.web.actions import choose, fits, has_address, move, save, source_of

expect = pytest.importorskip("playwright.sync_api", reason="playwright is not installed").expect
Visit = Callable[..., Any]


def test_a_slider_edits_all_faces_and_the_address(studio: str, visit: Visit, size: str) -> None:
    page = visit(f"{studio}/?seed=5&count=12", size)
    page.wait_for_selector(".face-grid canvas[data-of*='seed=5']")
    requested = list[str]()
    page.on("request", lambda request: requested.append(request.url))
    before = page.locator(".face-grid canvas").screenshot()
    move(page, "Smiling", *(step / 50 for step in range(101)))
    page.wait_for_selector(".face-grid canvas[data-of*='Smiling%3A2&']")
    assert len(requested) < 20  # fewer than the 101 positions
    assert page.locator(".face-grid canvas").screenshot() != before
    has_address(page, lambda query: query == {"seed": ["5"], "count": ["12"], "set": ["Smiling:2"]})
    assert fits(page)
    reopened = visit(page.url, size)
    reopened.wait_for_selector(".face-grid canvas[data-of]")
    assert source_of(reopened) == source_of(page)
    expect(reopened.get_by_label("Smiling", exact=True)).to_have_value("2")


def test_a_face_and_a_labelled_batch_are_downloaded(studio: str, visit: Visit) -> None:
    page = visit(f"{studio}/?model=drawn64&seed=5&count=12&set=Smiling:1")
    page.get_by_role("button", name="Face 3 of seed 5").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("heading", name="Most likely").wait_for()
    has_address(page, lambda query: query.get("face") == ["3"])
    page.keyboard.press("ArrowRight")
    dialog.get_by_role("heading", name="Face 4 of seed 5").wait_for()
    png = Image.open(io.BytesIO(save(page, dialog.get_by_text("Save PNG").click)))
    model = facesmith.load("drawn64")
    z = model.directions.apply(model.latents(1, 5, start=4), {"Smiling": 1.0})
    assert np.abs(np.asarray(png).astype(int) - model.generate(z)[0]).max() <= 1
    assert "synthetic" in str(png.info).lower()
    page.keyboard.press("Escape")
    dialog.wait_for(state="detached")
    has_address(page, lambda query: "face" not in query)
    page.get_by_label("Download many faces").fill("3")
    archive = zipfile.ZipFile(io.BytesIO(save(page, page.get_by_text("Zip", exact=True).click)))
    assert archive.namelist()[:3] == ["000000.png", "000001.png", "000002.png"]
    assert json.loads(archive.read("manifest.json"))["changes"] == {"Smiling": 1.0}


def test_a_photo_is_reconstructed_edited_and_described(studio: str, visit: Visit, size: str, party: Path) -> None:
    page = visit(f"{studio}/photo?model=celeba64&view=side&refine=off", size)
    page.set_input_files("input[type=file]", party)
    page.get_by_role("button", name="Face 1 of 2").wait_for()
    expect(page.locator(".page-photo .box[aria-pressed=true]")).to_have_attribute("aria-label", "Face 1 of 2")
    page.get_by_alt_text("The reconstruction").wait_for()
    score = page.locator(".score strong")
    expect(score).to_have_text(re.compile("^[0-9.]+ dB$"))
    first = score.inner_text()
    page.get_by_role("button", name="Face 2 of 2").click()
    expect(score).not_to_have_text(first)
    move(page, "Smiling", 2)
    page.get_by_role("img", name="Smiling +2", exact=True).wait_for()
    expect(page.locator(".top-attributes li")).to_have_count(5)
    expect(page.locator(".edit-table li")).to_have_count(5)
    page.get_by_role("button", name="Add current settings as a row").click()
    expect(page.locator(".edit-table li")).to_have_count(6)
    has_address(page, lambda query: query.get("row", [""])[-1] == "Smiling:2")
    choose(page, "Before | after")
    line = page.get_by_role("slider", name="Before to after")
    line.press("ArrowLeft")
    expect(line).to_have_value("49")
    assert fits(page)
    page.get_by_role("button", name="Delete this photo").click()
    page.get_by_role("heading", name="Drop or paste a photo").wait_for()


def test_photos_are_refined_unless_it_is_undone(studio: str, visit: Visit, party: Path) -> None:
    page = visit(f"{studio}/photo?model=celeba64")
    page.set_input_files("input[type=file]", party)
    undo = page.get_by_role("button", name="Undo refinement")
    undo.wait_for()
    score = page.locator(".score strong")
    refined = score.inner_text()
    undo.click()
    page.get_by_role("button", name="Refine").wait_for()
    expect(score).not_to_have_text(refined)
    assert float(score.inner_text().removesuffix(" dB")) < float(refined.removesuffix(" dB"))
    has_address(page, lambda query: query.get("refine") == ["off"] and "refined" not in query)


def test_photos_are_dropped_pasted_or_from_the_camera(studio: str, visit: Visit, party: Path) -> None:
    give = (
        "([bytes, kind]) => { const data = new DataTransfer();"
        " data.items.add(new File([new Uint8Array(bytes)], 'party.png', { type: 'image/png' }));"
        " const init = { bubbles: true, cancelable: true };"
        " dispatchEvent(kind === 'drop' ? new DragEvent('drop', { ...init, dataTransfer: data })"
        " : new ClipboardEvent('paste', { ...init, clipboardData: data })) }"
    )
    for kind in ("drop", "paste"):
        page = visit(f"{studio}/photo?model=celeba64&refine=off")
        page.get_by_role("heading", name="Drop or paste a photo").wait_for()
        page.evaluate(give, [list(party.read_bytes()), kind])
        page.get_by_role("button", name="Face 1 of 2").wait_for()
    page.get_by_role("button", name="Camera").click()
    page.get_by_role("button", name="Take a picture").click()
    page.get_by_text("The whole photo is used", exact=True).wait_for()


def test_arithmetic_slots_are_dragged_tapped_and_typed(studio: str, visit: Visit, size: str) -> None:
    page = visit(f"{studio}/arithmetic?model=drawn64&tray=9&size=3", size)
    page.wait_for_selector(".between canvas[data-of]")
    before = page.get_by_alt_text("B minus A plus C").get_attribute("src")
    tray = page.get_by_role("group", name="Generated faces, seed 9")
    page.get_by_role("button", name="B: ").click()
    tray.get_by_role("button", name="Use face 2 of seed 9").click()
    page.get_by_label("Seed of C").fill("seed:9:4")
    if size == "desktop":
        tray.get_by_role("button", name="Use face 6 of seed 9").drag_to(page.get_by_role("button", name="A: "))
    else:
        page.get_by_label("Seed of A").fill("seed:9:6")
    page.wait_for_selector(".between canvas[data-of$='seed:9:6,seed:9:2,seed:9:4,3']")
    expect(page.get_by_alt_text("B minus A plus C")).not_to_have_attribute("src", str(before))
    slots = {"a": ["seed:9:6"], "b": ["seed:9:2"], "c": ["seed:9:4"]}
    has_address(page, lambda query: slots.items() <= query.items())
    assert fits(page)
    choose(page, "Animation")
    page.get_by_role("img", name="The animation", exact=True).wait_for()
    tray.get_by_role("button", name="Use face 2 of seed 9").click()
    page.get_by_alt_text("Face 5 of the animation").wait_for()
    move(page, "Frames", 16)
    expect(page.get_by_role("button", name="MP4")).to_be_enabled()
    film = Image.open(io.BytesIO(save(page, page.get_by_role("button", name="GIF").click)))
    assert sum(1 for _ in ImageSequence.Iterator(film)) == 16
    assert fits(page)


def test_a_makeover_of_a_face_and_of_the_whole_photo(studio: str, visit: Visit, size: str, party: Path) -> None:
    page = visit(f"{studio}/makeover", size)
    page.set_input_files("input[type=file]", party)
    choose(page, "redder")
    move(page, "Strength", 0.5)
    page.wait_for_selector(".makeover-result canvas[data-of='redder 0.5 face']")
    choose(page, "In the photo")
    page.wait_for_selector(".makeover-result canvas[data-of='redder 0.5 whole']")
    result = np.asarray(Image.open(io.BytesIO(save(page, page.get_by_role("button", name="Save photo").click)))).astype(
        int
    )
    difference = result[..., :3] - np.asarray(Image.open(party)).astype(int)
    assert difference[..., 0].max() >= 15
    assert np.abs(difference[..., 1:]).max() <= 1
    with page.expect_request(lambda request: (request.post_data_json or {}).get("format") == "gif") as sent:
        page.get_by_role("button", name="GIF").click()
    assert sent.value.post_data_json["strength"] == 0.5
    assert fits(page)


def test_six_directions_of_a_makeover_fit(
    listening: Callable[..., AbstractContextManager[str]], visit: Visit, size: str, party: Path
) -> None:
    with listening("celeba-makeover") as address:
        page = visit(f"{address}/makeover", size)
        page.set_input_files("input[type=file]", party)
        choose(page, "Remove glasses")
        page.wait_for_selector(".makeover-result canvas[data-of='glasses-off 1 face']")
        directions = page.get_by_role("group", name="Direction").locator(".segments")
        expect(directions.get_by_role("radio")).to_have_count(6)
        assert directions.evaluate("(element) => element.scrollWidth <= element.clientWidth")
        if size == "phone":
            page.set_viewport_size({"width": 320, "height": 640})
        assert fits(page)


def test_pages_without_models_explain_what_is_missing(
    listening: Callable[..., AbstractContextManager[str]], visit: Visit, tmp_path: Path, models: Path
) -> None:
    model = shutil.copytree(models / "first", tmp_path / "model")
    hostile = "<script>document.title = 'taken'</script><img src=x onerror=alert(1)>"
    (model / "README.md").write_text(f"# {hostile}\n\n[here](javascript:alert(1)) and [there](https://example.org/)\n")
    with listening(str(model)) as address:
        page = visit(f"{address}/makeover")
        page.get_by_role("heading", name="No makeover model yet").wait_for()
        page.goto(f"{address}/photo")
        page.get_by_role("heading", name="No model with an encoder").wait_for()
        page.goto(f"{address}/about")
        page.get_by_role("heading", name=hostile).wait_for()
        expect(page).to_have_title(re.compile("^About"))
        expect(page.locator(".markdown a")).to_have_count(1)
        expect(page.locator(".markdown a")).to_have_attribute("href", "https://example.org/")


def test_navigation_keeps_the_state_of_pages(studio: str, visit: Visit, size: str) -> None:
    page = visit(f"{studio}/?seed=5&count=4", size)
    page.wait_for_selector(".face-grid canvas[data-of]")
    pages = page.get_by_role("navigation", name="Pages")
    pages.get_by_role("link", name="Arithmetic").click()
    page.wait_for_url("**/arithmetic")
    expect(page.locator("#main")).to_be_focused()  # after its code has loaded
    if size == "phone":
        pages.get_by_role("button", name="More").click()
    pages.get_by_role("link", name="About").click()
    page.get_by_role("heading", name="No data leaves the machine").wait_for()
    expect(page).to_have_title("About · facesmith studio")
    assert fits(page)
    pages.get_by_role("link", name="Generate").click()
    page.wait_for_url(f"{studio}/?seed=5&count=4")
    page.go_back()
    page.get_by_role("heading", name="No data leaves the machine").wait_for()


def test_the_theme_follows_the_system_until_chosen(studio: str, visit: Visit) -> None:
    page = visit(f"{studio}/about")
    root = page.locator("html")
    light = root.evaluate("(root) => getComputedStyle(root).backgroundColor")
    page.emulate_media(color_scheme="dark")
    expect(root).not_to_have_css("background-color", light)
    page.get_by_role("button", name="Theme").click()
    expect(root).to_have_css("background-color", light)
    page.reload()
    expect(root).to_have_css("background-color", light)


def test_pages_load_without_moving(studio: str, visit: Visit) -> None:
    shift = (
        "new Promise((done) => { let sum = 0; new PerformanceObserver((list) => list.getEntries().forEach((entry) =>"
        " sum += entry.value)).observe({ type: 'layout-shift', buffered: true }); setTimeout(() => done(sum), 300); })"
    )
    page = visit(f"{studio}/?count=12", "phone")
    for path, ready_selector in (
        ("/?count=12", ".face-grid canvas[data-of]"),
        ("/arithmetic", ".between canvas[data-of]"),
    ):
        page.goto(studio + path)
        page.wait_for_selector(ready_selector)
        assert page.evaluate(shift) < 0.1, path


def test_server_errors_are_shown(studio: str, visit: Visit, tmp_path: Path, troubles: list[str]) -> None:
    page = visit(f"{studio}/photo")
    (tmp_path / "photo.png").write_bytes(b"no picture")
    page.set_input_files("input[type=file]", tmp_path / "photo.png")
    response = httpx.post(f"{studio}/api/v1/photos", content=b"no picture", headers={"Content-Type": "image/png"})
    page.get_by_role("status").get_by_text(response.json()["error"][1:]).wait_for()
    page.get_by_role("button", name="Dismiss").click()
    expect(page.get_by_role("status")).to_be_empty()
    assert [f"status of {response.status_code}" in trouble for trouble in troubles] == [True]
    troubles.clear()  # the browser logs the same error


def test_every_page_stays_below_the_root_path(
    listening: Callable[..., AbstractContextManager[str]], visit: Visit, place: Path
) -> None:
    with listening("drawn64", str(place), root_path="/team/faces") as origin:
        root, addresses = f"{origin}/team/faces", list[str]()
        page = visit(f"{root}/?seed=7&token=x")
        page.on("request", lambda request: addresses.append(request.url))
        page.reload()
        for link in page.locator("nav.top a").all():
            link.click()
            page.wait_for_selector("main[aria-busy=false]")
        page.get_by_role("link", name="facesmith studio").click()
        page.wait_for_url(lambda address: address.startswith(f"{root}/") and "/about" not in address)
        page.goto(f"{root}/watch?run=done")
        page.locator("main img").first.wait_for()
        page.close()  # and its stream of events
        assert len(addresses) > 50
        assert [address for address in addresses if not address.startswith((f"{root}/", "blob:", "data:"))] == []
