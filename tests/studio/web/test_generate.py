"""The page Generate in a browser: addresses and faces."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.studio.web.actions import has_address

expect = pytest.importorskip("playwright.sync_api", reason="playwright is not installed").expect
Visit = Callable[..., Any]


def test_a_link_to_a_face_shows_it_in_every_window(studio: str, visit: Visit) -> None:
    page = visit(f"{studio}/?model=drawn64&seed=5")
    page.get_by_role("button", name="Face 40 of seed 5").click()
    has_address(page, lambda query: query.get("face") == ["40"] and query["count"] == ["64"])
    for address in (page.url, f"{studio}/?model=drawn64&seed=5&face=40"):
        phone = visit(address, "phone")
        phone.get_by_role("heading", name="Face 40 of seed 5").wait_for()


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
    copied = page.wait_for_function("navigator.clipboard.readText()").json_value()
    assert copied == "seed:5:3 --set Smiling=1.5"
    page.goto(f"{studio}/arithmetic?model=drawn64&size=2")
    page.get_by_label("Seed of C").fill(copied)
    has_address(page, lambda query: query.get("c", [""])[0].startswith("photo:"))
