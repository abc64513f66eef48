"""Provenance metadata of images: XMP with the IPTC digital source type."""

import io
import re
import struct
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any
from xml.etree import ElementTree
from xml.sax.saxutils import quoteattr

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from facesmith.arrays import ImageArray
from facesmith.terms import combine_terms
from facesmith.version import __version__

GENERATED, EDITED = "trainedAlgorithmicMedia", "compositeWithTrainedAlgorithmicMedia"
SOURCE_TYPES = "http://cv.iptc.org/newscodes/digitalsourcetype/"
MAX_READ_BYTES = 2**20  # of a packet: some programs write the history of an image into it
_NAMESPACES = {
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "xmp": "http://ns.adobe.com/xap/1.0/",
    "xmpRights": "http://ns.adobe.com/xap/1.0/rights/",
    "Iptc4xmpExt": "http://iptc.org/std/Iptc4xmpExt/2008-02-29/",
    "facesmith": "https://facesmith.example/ns/1.0/",
}
_PNG_KEYWORD = "XML:com.adobe.xmp"
_TIFF_TAG = 700


@dataclass(frozen=True)
class Marks:
    """The provenance metadata of an image.

    ``source_type`` is `GENERATED`, `EDITED` or another digital source type of the IPTC. ``tool`` is the program that
    wrote the image. The others are those of the model, and None or "" where they are not known; ``seed`` and
    ``index`` are those of a generated face.
    """

    source_type: str
    model: str = ""
    digest: str = ""
    terms: str = ""
    seed: int | None = None
    index: int | None = None
    tool: str = f"facesmith {__version__}"

    @property
    def is_edited(self) -> bool:
        """Return whether the image is a photo that a computer changed."""
        return self.source_type == EDITED

    def png_chunk(self) -> bytes:
        """Return the marks as a chunk of a PNG, which belongs before its pixels."""
        chunk = b"iTXt" + _PNG_KEYWORD.encode() + bytes(5) + self.xmp()
        return struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk))

    def comment(self) -> str:
        """Return the marks as the comment of a video: a sentence, and the XMP packet."""
        what = "Edited" if self.is_edited else "Made"
        return f"{what} by a computer with {self.model or self.tool}. {self.xmp().decode()}"

    def xmp(self) -> bytes:
        """Return the marks as an XMP packet, UTF-8."""
        values = {
            "Iptc4xmpExt:DigitalSourceType": SOURCE_TYPES + self.source_type,
            "xmp:CreatorTool": self.tool,
            "facesmith:model": self.model,
            "facesmith:digest": self.digest,
            "facesmith:seed": self.seed,
            "facesmith:index": self.index,
            "xmpRights:UsageTerms": self.terms,
        }
        used = {name: str(value) for name, value in values.items() if value not in (None, "")}
        terms = used.pop("xmpRights:UsageTerms", "")
        prefixes = {name.partition(":")[0] for name in used} | {"rdf"} | ({"xmpRights"} if terms else set())
        namespaces = "".join(f' xmlns:{key}="{uri}"' for key, uri in _NAMESPACES.items() if key in prefixes)
        attributes = "".join(f" {name}={quoteattr(_xml_text(value))}" for name, value in used.items())
        rights = (
            f'<xmpRights:UsageTerms><rdf:Alt><rdf:li xml:lang="x-default">{_escape(terms)}</rdf:li></rdf:Alt>'
            "</xmpRights:UsageTerms>"
        )
        return (
            f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF{namespaces}><rdf:Description rdf:about=""{attributes}>'
            f"{rights if terms else ''}</rdf:Description></rdf:RDF></x:xmpmeta>"
        ).encode()


class MarkedImage(Image.Image):
    """An image whose ``save`` writes its ``marks``; a changed copy of it is an ordinary image."""

    marks: Marks

    def save(self, fp: Any, format: str | None = None, **params: Any) -> None:  # noqa: A002 (Pillow's name)
        """Save like Pillow, with the marks in formats that hold XMP."""
        suffix = Path(fp).suffix if isinstance(fp, str | PathLike) else ""
        form = (format or Image.registered_extensions().get(suffix.lower(), "")).upper()
        super().save(fp, format, **(save_options(self.marks, form) | params))


def marked_image(pixels: ImageArray, marks: Marks) -> MarkedImage:
    """Return pixels (H x W x 3, uint8) as a PIL image that is saved with ``marks``."""
    image = Image.fromarray(pixels)
    image.__class__ = MarkedImage
    assert isinstance(image, MarkedImage)
    image.marks = marks
    return image


def joint_marks(marks: Iterable[Marks | None]) -> Marks | None:
    """Return the marks of a picture that shows images with these marks; None if no computer made or changed one."""
    shown = list(marks)
    synthetic = [each for each in shown if each is not None and each.source_type in (GENERATED, EDITED)]
    if not synthetic:
        return None
    is_generated = len(synthetic) == len(shown) and all(each.source_type == GENERATED for each in synthetic)
    models = dict.fromkeys((each.model, each.digest) for each in synthetic)
    digest = next(iter(models))[1] if len(models) == 1 else ""
    names = ", ".join(dict.fromkeys(name for name, _ in models if name))
    terms = combine_terms([each.terms for each in synthetic])
    return Marks(GENERATED if is_generated else EDITED, names, digest, terms)


def parse_xmp(packet: bytes | str) -> Marks | None:
    """Return the marks in an XMP packet of any program; None without a digital source type, and for no valid XMP."""
    data = packet.encode("utf-8", "replace") if isinstance(packet, str) else packet
    match = re.search(rb"<(?:\w+:)?xmpmeta\b.*</(?:\w+:)?xmpmeta>|<rdf:RDF\b.*</rdf:RDF>", data, re.DOTALL)
    if match is None or len(data) > MAX_READ_BYTES or b"<!DOCTYPE" in data or b"<!ENTITY" in data:
        return None
    try:
        root = ElementTree.fromstring(match[0])
    except (ElementTree.ParseError, ValueError):
        return None

    def find(prefix: str, name: str) -> str:
        """Return a property, which may be an attribute or an element."""
        tag = f"{{{_NAMESPACES[prefix]}}}{name}"
        attributes = (node.attrib[tag] for node in root.iter() if tag in node.attrib)
        elements = ("".join(node.itertext()) for node in root.iter(tag))
        return next(attributes, next(elements, "")).strip()

    def number(name: str) -> int | None:
        text = find("facesmith", name)
        return int(text) if re.fullmatch("[0-9]{1,19}", text) else None

    source_type = find("Iptc4xmpExt", "DigitalSourceType").rpartition("/")[2]
    if not source_type:
        return None
    return Marks(
        source_type,
        find("facesmith", "model"),
        find("facesmith", "digest"),
        find("xmpRights", "UsageTerms"),
        number("seed"),
        number("index"),
        find("xmp", "CreatorTool"),
    )


def marks_in(image: Image.Image) -> Marks | None:
    """Return the marks of an image that Pillow has opened, without decoding it."""
    packet = image.info.get("xmp") or image.info.get(_PNG_KEYWORD) or image.info.get("comment")
    return parse_xmp(packet) if isinstance(packet, str | bytes) else None


def save_options(marks: Marks, form: str) -> dict[str, Any]:
    """Return the options of Pillow's ``save`` that write the marks into a file of this format of Pillow's.

    Formats that hold no XMP, such as BMP, get none.
    """
    packet = marks.xmp()
    if form == "PNG":
        info = PngInfo()
        info.add_itxt(_PNG_KEYWORD, packet.decode())
        return {"pnginfo": info}
    if form == "TIFF":
        return {"tiffinfo": {_TIFF_TAG: packet}}
    if form == "GIF":
        return {"comment": marks.comment().encode()}
    return {"xmp": packet} if form in ("JPEG", "WEBP", "AVIF") else {}


def encode_image(image: Image.Image, form: str, marks: Marks | None = None, **options: Any) -> bytes:
    """Return the file of an image with ``marks``; ``form`` and ``options`` are those of Pillow's ``save``."""
    file = io.BytesIO()
    image.save(file, form, **(save_options(marks, form) if marks else {}), **options)
    return file.getvalue()


def _escape(text: str) -> str:
    return quoteattr(_xml_text(text), {'"': "&quot;"})[1:-1]


def _xml_text(text: str) -> str:
    """Replace the characters that XML cannot hold."""
    return re.sub("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "\ufffd", text)
