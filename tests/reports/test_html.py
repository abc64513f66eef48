import io
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from facesmith.reports import html

VOID = {"meta", "link", "img", "br"}
EVIL = "<script>alert(1)</script>'\"&"


class Outline(HTMLParser):
    """Open tags that do not match, headings in order, and every address the page names."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.headings: list[int] = []
        self.addresses: list[str] = []
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag not in VOID:
            self.open.append(tag)
        if re.fullmatch(r"h\d", tag):
            self.headings.append(int(tag[1]))
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href")]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def outline(page: str) -> Outline:
    parser = Outline()
    parser.feed(page)
    assert parser.open == []
    return parser


def png(side: int = 4) -> bytes:
    file = io.BytesIO()
    pixels = np.random.default_rng(0).integers(0, 256, (side, side, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def test_a_page_is_whole_and_asks_for_nothing_from_outside(tmp_path: Path) -> None:
    film = tmp_path / "film.mp4"
    film.write_bytes(b"mp4")
    page = html.page(
        "Title",
        [
            html.section("One", html.paragraph("text"), html.part("Inner", html.figure(png(), "alt", "caption"))),
            html.section("Two", html.video(film, "film"), html.details("more", html.code("facesmith x"))),
        ],
        "Lead",
    )
    found = outline(page)
    assert found.headings == [1, 2, 3, 2]
    assert all(address.startswith("data:") for address in found.addresses)
    assert len(found.addresses) == 3
    assert not re.search(r"https?://|@import|url\(", page)
    assert "default-src 'none'" in page
    assert "prefers-color-scheme: dark" in page


@pytest.mark.parametrize(
    "make",
    [
        html.paragraph,
        html.note,
        html.code,
        html.section,
        html.part,
        html.details,
        lambda text: html.bullets([text]),
        lambda text: html.definition({text: text}),
        lambda text: html.figures({text: text}),
        lambda text: html.table([text, text], [[text, text]], text),
        lambda text: html.figure(png(), text, text),
        lambda text: html.page(text, [], text),
    ],
)
def test_every_text_is_escaped(make: Callable[[str], str]) -> None:
    made = make(EVIL)
    assert "script" not in outline(made).tags
    assert EVIL not in made
    assert "&lt;script&gt;alert(1)&lt;/script&gt;&#x27;&quot;&amp;" in made


def test_columns_of_numbers_are_set_to_the_right() -> None:
    made = html.table(["name", "n", "date"], [["3", "1,200", "no"], ["b", "-0.5 %", "7"]], "Counts")
    assert made.count("class='number'") == 3
    assert "<caption>Counts</caption>" in made
    assert made.count("scope='row'") == 2


def test_a_large_picture_goes_in_smaller() -> None:
    large = png(900)
    assert len(large) > 1_500_000
    made = html.figure(large, "noise")
    assert "data:image/jpeg" in made
    assert len(made) < len(large)
    assert "data:image/png" in html.figure(png(), "small")


def test_what_is_no_picture_is_refused() -> None:
    with pytest.raises(ValueError, match="takes a PNG"):
        html.figure(b"<svg onload=alert(1)>", "evil")
