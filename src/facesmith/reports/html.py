"""One self-contained page: text escaped, pictures and films inside it, nothing fetched from anywhere.

Every function returns `Html`, a string that is safe to place in a page; every other string given to them is text and
is escaped. A page has one h1 (its title); `section` is h2 and `part` h3, which keeps headings in order.
"""

import base64
import io
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import NewType

from PIL import Image

from facesmith.reports.style import STYLE

Html = NewType("Html", str)

_TYPES = {b"\x89PNG": "image/png", b"\xff\xd8\xff": "image/jpeg", b"GIF8": "image/gif", b"RIFF": "image/webp"}
_PICTURE_BYTES = 1_500_000  # a still picture above this goes into the page smaller and as JPEG
_PICTURE_SIDE = 1600


def page(title: str, parts: Sequence[Html], lead: str = "") -> str:
    """The whole document; ``lead`` is a sentence or two under the title."""
    opening = f"<p class='lead'>{escape(lead)}</p>" if lead else ""
    policy = "default-src 'none'; img-src data:; media-src data:; style-src 'unsafe-inline'"
    return (
        "<!doctype html>\n<html lang='en'>\n<head>\n<meta charset='utf-8'>\n"
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        "<meta name='viewport' content='width=device-width, initial-scale=1'>\n"
        "<meta name='color-scheme' content='light dark'>\n<link rel='icon' href='data:,'>\n"
        f"<title>{escape(title)}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n"
        f"<header><h1>{escape(title)}</h1>{opening}</header>\n{_joined(parts)}\n</main>\n</body>\n</html>\n"
    )


def section(heading: str, *parts: Html) -> Html:
    """A card with an h2 heading."""
    return Html(f"<section>\n<h2>{escape(heading)}</h2>\n{_joined(parts)}\n</section>")


def part(heading: str, *parts: Html) -> Html:
    """A part of a section, with an h3 heading."""
    return Html(f"<div class='part'>\n<h3>{escape(heading)}</h3>\n{_joined(parts)}\n</div>")


def paragraph(text: str) -> Html:
    return Html(f"<p>{escape(text)}</p>")


def note(text: str, warning: bool = False) -> Html:
    """A sentence set off from the rest; a warning is marked by a word as well as by colour."""
    mark = "<strong>Look here:</strong> " if warning else ""
    return Html(f"<p class='note{' warning' if warning else ''}'>{mark}{escape(text)}</p>")


def bullets(texts: Sequence[str]) -> Html:
    return Html("<ul>" + "".join(f"<li>{escape(text)}</li>" for text in texts) + "</ul>")


def code(text: str) -> Html:
    """Commands or file contents, as they are typed."""
    return Html(f"<pre tabindex='0'><code>{escape(text)}</code></pre>")


def definition(items: Mapping[str, str]) -> Html:
    """Names and their values, in a grid of two columns."""
    rows = "".join(f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for name, value in items.items())
    return Html(f"<dl>{rows}</dl>")


def figures(items: Mapping[str, str]) -> Html:
    """A few big numbers in a row: what is counted, and the number."""
    rows = "".join(f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for name, value in items.items())
    return Html(f"<dl class='figures'>{rows}</dl>")


def table(header: Sequence[str], rows: Sequence[Sequence[str]], caption: str) -> Html:
    """A table whose first column heads its rows; columns of numbers are set to the right."""
    right = [bool(rows) and all(_is_number(row[column]) for row in rows) for column in range(len(header))]
    classes = [" class='number'" if numeric else "" for numeric in right]
    head = "".join(f"<th scope='col'{kind}>{escape(name)}</th>" for name, kind in zip(header, classes, strict=True))
    body = ""
    for row in rows:
        cells = [f"<td{kind}>{escape(text)}</td>" for text, kind in zip(row[1:], classes[1:], strict=True)]
        body += f"<tr><th scope='row'{classes[0]}>{escape(row[0])}</th>{''.join(cells)}</tr>\n"
    return Html(
        f"<div class='scroll' role='region' aria-label='{escape(caption)}' tabindex='0'><table>"
        f"<caption>{escape(caption)}</caption>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}</tbody></table></div>"
    )


def figure(source: bytes | Path, alt: str, caption: str = "") -> Html:
    """A picture (PNG, JPEG, GIF or WebP, as bytes or a file) with its description and its caption."""
    content = source if isinstance(source, bytes) else source.read_bytes()
    return Html(f"<figure><img src='{_picture_uri(content)}' alt='{escape(alt)}'>{_caption(caption)}</figure>")


def video(source: Path, alt: str, caption: str = "") -> Html:
    """An MP4 with the browser's own controls; it loops and does not start by itself."""
    uri = _uri("video/mp4", source.read_bytes())
    return Html(
        f"<figure><video controls loop muted playsinline preload='metadata' aria-label='{escape(alt)}' src='{uri}'>"
        f"{escape(alt)}</video>{_caption(caption)}</figure>"
    )


def columns(*parts: Html) -> Html:
    """Parts side by side where the window is wide enough, under each other where it is not."""
    return Html(f"<div class='columns'>{_joined(parts)}</div>")


def details(summary: str, *parts: Html) -> Html:
    """Parts behind a line that opens them; printed open or closed as they stand."""
    return Html(f"<details><summary>{escape(summary)}</summary>\n{_joined(parts)}\n</details>")


def _joined(parts: Sequence[Html]) -> str:
    return "\n".join(parts)


def _caption(text: str) -> str:
    return f"<figcaption>{escape(text)}</figcaption>" if text else ""


def _is_number(text: str) -> bool:
    return text == "" or (text.lstrip("-−+")[:1].isdigit() and all(c.isdigit() or c in " -−+.,%/×" for c in text))


def _picture_uri(content: bytes) -> str:
    kind = next((kind for start, kind in _TYPES.items() if content.startswith(start)), None)
    if kind is None:
        raise ValueError("a figure takes a PNG, JPEG, GIF or WebP picture")
    if len(content) > _PICTURE_BYTES and kind != "image/gif":
        with Image.open(io.BytesIO(content)) as picture:
            small = picture.convert("RGB")
        small.thumbnail((_PICTURE_SIDE, _PICTURE_SIDE), Image.Resampling.LANCZOS)
        file = io.BytesIO()
        small.save(file, "JPEG", quality=90)
        kind, content = "image/jpeg", file.getvalue()
    return _uri(kind, content)


def _uri(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"
