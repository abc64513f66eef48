"""axe-core checks the pages with content, in both themes, on desktop and phone."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.studio.web.actions import fits

sync_playwright = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed")

Visit = Callable[..., Any]
# The element that exists once a page has loaded its content.
READY_SELECTORS = {
    "/?seed=5&count=12": ".face-grid canvas[data-of]",
    "/?seed=5&count=12&model=celeba64&face=3": ".top-attributes",
    "/?model=celeba64&count=12&like=seed:5&lock=Male&beside=drawn64": "figure:nth-child(2) canvas[data-of]",
    "/?count=4&labelled=1&ask=Smiling=balance&ask=Bald=0.2": ".labelled-set .ask",
    "/photo": ".photo-input.large",
    "/photo?model=celeba64&face=seed:7&set=Smiling:1": ".edit-table canvas",
    "/makeover": ".photo-input.large",
    "/arithmetic": ".between canvas[data-of]",
    "/arithmetic?show=mix": ".mixing canvas[data-of]",
    "/arithmetic?show=way": ".player canvas",
    "/watch?run=going&run=done": "article[aria-label=going] .chart svg path.bold",
    "/map?face=seed:7&colour=Young&shape=3d": ".faces-map",
    "/data": ".rates li",
    "/compare?run=going&run=done": ".comparison",
    "/about": ".markdown p",
}


@pytest.fixture(scope="module")
def axe() -> Any:
    return sync_playwright.Axe()


def look(axe: Any, page: Any) -> None:
    """Fail with a description of the violations."""
    # Pages in a frame are tested where they are written, and preloading would ask for style sheets anew.
    options = {"iframes": False, "preload": False, "rules": {"target-size": {"enabled": True}}}
    results = axe.run(page, options={"resultTypes": ["violations"], **options})
    assert results.violations_count == 0, f"{page.url} {results.generate_report()}"


@pytest.mark.parametrize("page", READY_SELECTORS)
def test_pages_are_accessible(address: str, visit: Visit, size: str, axe: Any, page: str) -> None:
    tab = visit(address + page, size)
    tab.wait_for_selector(READY_SELECTORS[page])
    for colours in ("light", "dark"):
        tab.emulate_media(color_scheme=colours)
        look(axe, tab)
    if size == "phone":
        tab.set_viewport_size({"width": 320, "height": 640})
        assert fits(tab)
        look(axe, tab)


def test_pages_with_a_photo_and_the_menu_are_accessible(
    address: str, visit: Visit, size: str, axe: Any, party: Path
) -> None:
    for page, ready_selector in (
        ("photo?model=celeba64&refine=off", ".edit-table canvas"),
        ("makeover", ".makeover-result canvas[data-of]"),
    ):
        tab = visit(f"{address}/{page}", size)
        tab.set_input_files("input[type=file]", party)
        tab.wait_for_selector(ready_selector)
        if size == "phone":
            tab.get_by_role("button", name="More").click()
        for colours in ("light", "dark"):
            tab.emulate_media(color_scheme=colours)
            look(axe, tab)


def test_dialogs_of_runs_and_datasets_are_accessible(
    listening: Callable[..., Any], visit: Visit, size: str, axe: Any, place: Path, party: Path, tmp_path: Path
) -> None:
    for name in ("done", "faces"):
        shutil.copytree(place / name, tmp_path / name)
    (tmp_path / "done" / "progress.mp4").write_bytes(b"no film")  # its dialog is looked at, not its pictures
    with listening(str(tmp_path), allow_training=True) as address:
        page = visit(f"{address}/watch?run=done", size)
        dialog = page.get_by_role("dialog")

        page.emulate_media(color_scheme="dark" if size == "phone" else "light")
        if size == "phone":
            page.set_viewport_size({"width": 320, "height": 640})

        def inspect() -> None:
            dialog.wait_for()
            assert fits(page)
            look(axe, page)
            page.keyboard.press("Escape")
            dialog.wait_for(state="detached")

        for button in ("Video", "Train", "Continue", "Branch", "Rename", "Delete"):
            page.get_by_role("button", name=button).click()
            inspect()
        page.goto(f"{address}/data?import=1")
        page.set_input_files("input[multiple]", party)
        page.locator(".crops img:not([hidden])").wait_for(timeout=60_000)
        inspect()
        page.close()


def test_favourites_and_pages_that_load_are_accessible(address: str, visit: Visit, size: str, axe: Any) -> None:
    page = visit(f"{address}/?count=4&face=1", size)
    page.get_by_role("button", name="Keep", exact=True).click()
    page.keyboard.press("Escape")
    page.locator(".favourites li").wait_for()
    look(axe, page)
    page.route("**/api/v1/models", lambda _: None)  # no answer
    page.reload()
    page.locator("main .skeleton").wait_for()
    for colours in ("light", "dark"):
        page.emulate_media(color_scheme=colours)
        look(axe, page)


def test_empty_pages_and_the_api_reference_are_accessible(
    listening: Callable[..., Any], visit: Visit, size: str, axe: Any, tmp_path: Path
) -> None:
    with listening(str(tmp_path)) as address:
        page = visit(f"{address}/", size)
        for path in ("/", "/makeover", "/watch", "/map", "/data", "/compare", "/api/v1/docs"):
            page.goto(address + path)
            page.wait_for_selector(".empty, body > main")
            look(axe, page)
        page.evaluate("document.body.append(new Image())")
        with pytest.raises(AssertionError, match="image-alt"):
            look(axe, page)
