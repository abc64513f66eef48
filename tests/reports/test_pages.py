import base64
import hashlib
import io
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from facesmith.images.decode import read_marks
from facesmith.images.provenance import GENERATED, Marks
from facesmith.reports.pages import environment, image_uri, number_columns
from facesmith.runs.charts import Curve, chart_options

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


def render(call: str, **values: object) -> str:
    page: str = environment().from_string("{% import 'parts.html' as parts %}" + call).render(values)
    return page


def test_a_page_is_complete_and_fetches_nothing(tmp_path: Path) -> None:
    film = tmp_path / "film.mp4"
    film.write_bytes(b"mp4")
    text = """{% extends "base.html" %}{% import "parts.html" as parts %}{% block content %}
    {% call parts.section("A") %}{% call parts.part("B") %}
    {{ parts.figure(png, "alt", "caption") }}{% endcall %}{% endcall %}
    {% call parts.section("C") %}{{ parts.video(film, "film") }}{% call parts.details("D") %}x{% endcall %}{% endcall %}
    {% endblock %}"""
    page = environment().from_string(text).render(title="Title", lead="Lead", png=png(), film=film)
    result = outline(page)
    assert result.headings == [1, 2, 3, 2]
    assert all(address.startswith("data:") for address in result.addresses)
    assert len(result.addresses) == 3
    assert not re.search(r"https?://|@import|url\(", page)
    assert "default-src 'none'" in page
    assert "prefers-color-scheme: dark" in page


def test_a_page_permits_only_the_script_of_its_charts() -> None:
    curve = Curve(EVIL, np.array([1.0, 2.0]), np.array([3.0, np.nan]), spread=np.array([0.5, np.nan]))
    charts = [chart_options(EVIL, "loss", [curve], "kimg")]
    text = """{% extends "base.html" %}{% import "parts.html" as parts %}
    {% block content %}{{ parts.charts(charts) }}{% endblock %}"""
    page = environment().from_string(text).render(title="Title", lead="", charts=charts)
    script = page.partition('<script type="module">')[2].partition("</script>")[0]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'\"" in page
    assert outline(page).tags.count("script") == 2  # and the options
    assert "3 at 1 kimg" in page.partition("<noscript>")[2]
    assert EVIL not in page
    assert "NaN" not in page.partition('<script type="application/json">')[2].partition("</script>")[0]


@pytest.mark.parametrize(
    "call",
    [
        "{{ parts.note(text) }}",
        "{{ parts.code(text) }}",
        "{% call parts.section(text) %}{% endcall %}",
        "{% call parts.part(text) %}{% endcall %}",
        "{% call parts.details(text) %}{% endcall %}",
        "{{ parts.bullets([text]) }}",
        "{{ parts.definitions({text: text}) }}",
        "{{ parts.numbers({text: text}) }}",
        "{{ parts.table([text, text], [[text, text]], text) }}",
        "{{ parts.figure(png, text, text) }}",
        "{% extends 'base.html' %}",
    ],
)
def test_every_text_is_escaped(call: str) -> None:
    source = call if "extends" in call else "{% import 'parts.html' as parts %}" + call
    page = environment().from_string(source).render(text=EVIL, png=png(), title=EVIL, lead=EVIL)
    assert "script" not in outline(page).tags
    assert EVIL not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;&#39;&#34;&amp;" in page


def test_columns_of_numbers_are_right_aligned() -> None:
    rows = [["3", "1,200", "no"], ["b", "-0.5 %", "7"]]
    assert number_columns(rows) == {1}
    table = render("{{ parts.table(['name', 'n', 'date'], rows, 'Counts') }}", rows=rows)
    assert table.count('class="number"') == 3
    assert "<caption>Counts</caption>" in table
    assert table.count('scope="row"') == 2


def test_a_large_image_is_reduced() -> None:
    marks = Marks(GENERATED, "m", "ab", "any use")
    large = png(900)
    large = large[:33] + marks.png_chunk() + large[33:]  # behind the signature and the chunk IHDR
    assert len(large) > 1_500_000
    uri = image_uri(large)
    assert uri.startswith("data:image/jpeg")
    assert read_marks(base64.b64decode(uri.partition(",")[2])) == marks
    assert len(uri) < len(large)
    assert image_uri(png()).startswith("data:image/png")


def test_a_file_that_is_no_image_is_refused() -> None:
    with pytest.raises(ValueError, match="PNG"):
        image_uri(b"<svg onload=alert(1)>")
