"""Photos on the pages Photo and Makeover in a browser: what is said about them, and how they travel."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.studio.web.actions import choose, fits, has_address, save

expect = pytest.importorskip("playwright.sync_api", reason="playwright is not installed").expect
Visit = Callable[..., Any]


def test_a_group_photo_survives_a_reload_and_goes_to_makeover(
    studio: str, visit: Visit, size: str, party: Path
) -> None:
    page = visit(f"{studio}/photo?model=celeba64&refine=off&view=whole", size)
    page.set_input_files("input[type=file]", party)
    page.get_by_role("button", name="Face 2 of 2").click()
    page.reload()
    expect(page.get_by_role("button", name="Face 2 of 2")).to_have_attribute("aria-pressed", "true")
    page.get_by_label("All 2 faces").check()
    page.get_by_role("button", name="Smile").click()
    page.wait_for_selector("canvas[data-of='whole Smiling:1.5']")
    has_address(page, lambda query: (query.get("all"), query.get("set")) == (["1"], ["Smiling:1.5"]))
    difference = np.asarray(
        Image.open(io.BytesIO(save(page, page.get_by_role("button", name="Save photo").click)))
    ).astype(int)
    difference = np.abs(difference[..., :3] - np.asarray(Image.open(party)).astype(int)).max((0, 2))
    assert difference[:200].max() > 10  # the face at the left
    assert difference[300:].max() > 10  # the face at the right
    page.get_by_role("button", name="Hold to compare").dispatch_event("pointerdown")
    expect(page.get_by_role("button", name="Hold to compare")).to_have_attribute("aria-pressed", "true")
    page.get_by_role("link", name="Make over this face").click()
    choose(page, "redder")
    page.get_by_label("All 2 faces").check()
    page.wait_for_selector(".makeover-result canvas[data-of='redder 1 face']")
    assert fits(page)


def test_what_is_wrong_with_a_photo_is_said(studio: str, visit: Visit, tmp_path: Path) -> None:
    Image.new("RGB", (6000, 4000), (90, 120, 150)).save(tmp_path / "large.png")
    page = visit(f"{studio}/photo?model=celeba64&refine=off")
    page.set_input_files("input[type=file]", tmp_path / "large.png")
    page.get_by_role("note").get_by_text("No face was found").wait_for()
    page.get_by_label("Model").select_option("drawn64")
    page.get_by_role("note").get_by_text("was trained on whole images").wait_for()
    page.get_by_role("button", name="Delete this photo").click()
    page.get_by_role("button", name="Sample 1").click()
    page.get_by_role("note").get_by_text("marked as AI-generated").wait_for()
