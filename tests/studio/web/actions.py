"""What tests of pages do in a browser: move sliders, choose options, save files, and read addresses."""

from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit


def source_of(page: Any, selector: str = ".face-grid canvas") -> str:
    """Return the address of the image that a canvas shows."""
    return str(page.get_attribute(selector, "data-of"))


def move(page: Any, name: str, *values: float) -> None:
    """Move a slider through values."""
    page.get_by_label(name, exact=True).evaluate(
        "(slider, values) => { for (const value of values) { slider.value = value;"
        " slider.dispatchEvent(new Event('input', { bubbles: true })) } }",
        list(values),
    )


def choose(page: Any, name: str) -> None:
    """Choose an option by keyboard."""
    page.get_by_role("radio", name=name).press("Space")


def save(page: Any, press: Callable[[], None]) -> bytes:
    with page.expect_download() as download:
        press()
    return Path(download.value.path()).read_bytes()


def state(address: str) -> dict[str, list[str]]:
    """Return the query of an address."""
    return parse_qs(urlsplit(address).query)


def has_address(page: Any, query: Callable[[dict[str, list[str]]], bool]) -> None:
    """Wait until the query of the address fulfils a condition; it is updated with a delay."""
    page.wait_for_url(lambda address: query(state(address)))


def fits(page: Any) -> bool:
    """Return whether nothing is wider than the window."""
    return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))
