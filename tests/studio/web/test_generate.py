"""The page Generate in a browser: addresses, kept faces, variations, and labelled sets."""

import io
import json
import zipfile
from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image

from tests.studio.web.actions import fits, has_address, save

expect = pytest.importorskip("playwright.sync_api", reason="playwright is not installed").expect
Visit = Callable[..., Any]


def test_a_link_to_a_face_shows_it_in_every_window(studio: str, visit: Visit) -> None:
    page = visit(f"{studio}/?model=drawn64&seed=5")
    page.get_by_role("button", name="Face 30 of seed 5").click()
    has_address(page, lambda query: query.get("face") == ["30"] and query["count"] == ["40"])
    for address in (page.url, f"{studio}/?model=drawn64&seed=5&face=30"):
        phone = visit(address, "phone")
        phone.get_by_role("heading", name="Face 30 of seed 5").wait_for()


def test_back_undoes_the_dice_and_the_closing_of_a_face(studio: str, visit: Visit) -> None:
    page = visit(f"{studio}/?model=drawn64&seed=5&count=4")
    page.get_by_role("button", name="Random seed").click()
    has_address(page, lambda query: query["seed"] != ["5"])
    page.go_back()
    expect(page.get_by_label("Seed", exact=True)).to_have_value("5")
    page.get_by_role("button", name="Face 3 of seed 5").click()
    dialog = page.get_by_role("dialog")
    page.get_by_role("button", name="Next face").click()
    page.keyboard.press("Escape")
    dialog.wait_for(state="detached")
    assert page.evaluate("history.length") == 3  # the page before, the dice, the face
    page.goto(f"{studio}/?model=drawn64&seed=5&count=4&face=1")
    dialog.wait_for()
    page.keyboard.press("Escape")
    dialog.wait_for(state="detached")
    page.go_back()
    dialog.wait_for()


def test_the_copied_seed_has_the_sliders(studio: str, visit: Visit) -> None:
    page = visit(f"{studio}/?model=drawn64&seed=5&count=4&set=Smiling:1.5&face=3")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy seed").click()
    page.locator("span", has_text="Copied seed").wait_for()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == "seed:5:3 --set Smiling=1.5"
    page.goto(f"{studio}/arithmetic?model=drawn64&size=2")
    page.get_by_label("Seed of C").fill(copied)
    has_address(page, lambda query: query.get("c", [""])[0].startswith("photo:"))


def test_a_late_sheet_has_a_progress_bar_until_it_comes(studio: str, visit: Visit) -> None:
    page = visit(f"{studio}/?model=drawn64&seed=5&count=4")
    bar, late = page.locator(".face-grid.slow"), list[Any]()
    expect(bar).to_have_count(0)
    page.route("**/api/v1/generate?**", lambda route: late.append(route))
    page.get_by_label("Seed", exact=True).fill("6")
    bar.wait_for()
    assert bar.evaluate("grid => getComputedStyle(grid, '::before').height") == "2px"
    for route in late:
        route.continue_()
    page.get_by_role("button", name="Face 0 of seed 6").wait_for()
    bar.wait_for(state="detached")


def test_kept_faces_survive_a_reload_and_are_varied(studio: str, visit: Visit, size: str) -> None:
    page = visit(f"{studio}/?model=celeba64&seed=5&count=4&set=Smiling:1&face=1", size)
    page.get_by_role("button", name="Keep", exact=True).click()
    page.get_by_role("button", name="Kept").wait_for()
    page.reload()
    page.get_by_role("button", name="Kept").wait_for()
    page.get_by_role("button", name="More like this").click()
    page.get_by_role("group", name="Variations, seed 5").wait_for()
    page.get_by_role("checkbox", name="Male").check()
    has_address(page, lambda query: (query.get("like"), query.get("lock")) == (["seed:5:1"], ["Male"]))
    page.wait_for_selector(".face-grid canvas[data-of*='like=seed%3A5%3A1'][data-of*='lock=Male']")
    assert fits(page)
    page.get_by_role("button", name="Undo").click()
    has_address(page, lambda query: "lock" not in query)
    page.get_by_role("region", name="Favourites").get_by_role("button", name="Open seed:5:1").click()
    page.get_by_role("heading", name="Face 1 of seed 5").wait_for()
    page.keyboard.press("n")
    has_address(page, lambda query: query["seed"] != ["5"] and query["face"] == ["0"])


def test_images_are_saved_enlarged_and_copied_as_code(studio: str, visit: Visit) -> None:
    page = visit(f"{studio}/?model=drawn64&seed=5&count=4&beside=celeba64")
    page.get_by_role("group", name="Generated faces, seed 5, by celeba64").wait_for()
    sheet = Image.open(io.BytesIO(save(page, page.get_by_role("button", name="Save PNG").click)))
    assert (sheet.width, sheet.height > 64 * 4 // (sheet.width // 64)) == (sheet.width // 64 * 64, True)  # and a line
    page.get_by_role("button", name="Face 3 of seed 5", exact=True).click()
    dialog = page.get_by_role("dialog")
    large = Image.open(io.BytesIO(save(page, dialog.get_by_role("button", name="512x512").click)))
    assert large.size == (512, 512)
    assert json.loads(large.info["facesmith"])["enlarged"] == 8
    dialog.get_by_text("Code for this image").click()
    code = dialog.locator(".code pre").inner_text()
    compile(code, "snippet", "exec")
    assert '"start": 3' in code


def test_a_labelled_set_is_chosen_shown_and_downloaded(studio: str, visit: Visit, size: str) -> None:
    page = visit(f"{studio}/?model=celeba64&labelled=1&ask=Smiling=balance", size)
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Add an attribute").click()
    dialog.get_by_label("Faces").nth(1).select_option("without")
    has_address(page, lambda query: len(query["ask"]) == 2 and query["ask"][1].startswith("~"))
    expect(dialog.locator(".code code")).to_contain_text("--balance Smiling")
    assert fits(page)
    dialog.get_by_label("Number of faces").fill("6")
    archive = zipfile.ZipFile(io.BytesIO(save(page, dialog.get_by_text("Zip", exact=True).click)))
    rows = [json.loads(line) for line in archive.read("metadata.jsonl").splitlines()]
    assert [row["Smiling"] for row in rows] == [True, False] * 3
