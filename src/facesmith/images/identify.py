"""Report the marks of a picture or film: whether it says that a computer made it, and with what."""

import json
import mmap
import re
from dataclasses import asdict
from pathlib import Path
from typing import Any

from PIL import Image
from PIL.ExifTags import Base

from facesmith.errors import FacesmithError, ImageError
from facesmith.files import printable
from facesmith.images.decode import image_format, open_image
from facesmith.images.provenance import EDITED, GENERATED, Marks, marks_in, parse_xmp

C2PA_BOX = b"jumdc2pa\x00\x11\x00\x10"  # the head of a manifest store, in every kind of file
_PACKET = re.compile(rb"<x:xmpmeta\b.{0,65536}?</x:xmpmeta>", re.DOTALL)
UNMARKED = "no mark was found, which proves nothing: marks are lost when a picture is saved again or photographed"


def identify(file: str | Path | bytes) -> dict[str, Any]:
    """Return what a picture (a path, or the bytes of a file), an MP4 or a GIF says of its making.

    The keys: ``file``, its name; ``kind``, "generated", "edited", "other" (another digital source type) or "unmarked";
    ``marks``, the fields of `Marks` or None; ``c2pa``, whether the file holds a manifest of the C2PA standard;
    ``summary``, a sentence. The pixels are not decoded, and the marks are not proved: anyone can write or remove them.
    Raises `FacesmithError` for a file that cannot be read or is neither picture nor film.
    """
    name = "the picture" if isinstance(file, bytes) else printable(str(file))
    source: str | bytes = file if isinstance(file, bytes) else str(file)
    try:
        is_image = image_format(source) is not None
        marks = _image_marks(source) if is_image else None
        head, content = _scan(source)
    except (ImageError, OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise FacesmithError(f"{name} cannot be read ({reason}): give a picture or a film") from None
    if not is_image and head[4:8] != b"ftyp":
        raise FacesmithError(f"{name} is not a picture or film that is read: give a JPEG, PNG, WebP, GIF or MP4")
    marks = marks or parse_xmp(content["xmp"])
    kinds = {GENERATED: "generated", EDITED: "edited"}
    kind = "unmarked" if marks is None else kinds.get(marks.source_type, "other")
    return {
        "file": name,
        "kind": kind,
        "marks": None if marks is None else asdict(marks),
        "c2pa": bool(content["c2pa"]),
        "summary": _summary(kind, marks, bool(content["c2pa"])),
    }


def _image_marks(source: str | bytes) -> Marks | None:
    with open_image(source) as image:
        return marks_in(image) or _old_marks(image)


def _old_marks(image: Image.Image) -> Marks | None:
    """Return the marks that the studio of version 0.1 wrote: JSON in a chunk of a PNG, and in the EXIF of others."""
    text = image.info.get("facesmith") or image.getexif().get(Base.ImageDescription, "")
    try:
        facts = json.loads(str(text)[str(text).find("{") :])
        if not facts["synthetic"]:
            return None
        number = {name: facts[name] for name in ("seed", "index") if isinstance(facts.get(name), int)}
        source_type = EDITED if facts["edited"] else GENERATED
        return Marks(source_type, str(facts["model"]), str(facts["digest"]), tool="facesmith", **number)
    except (ValueError, KeyError, TypeError):
        return None


def _scan(source: str | bytes) -> tuple[bytes, dict[str, bytes]]:
    """Return the first bytes of a file, and the XMP packet and the head of the C2PA manifest in it, "" without."""
    if isinstance(source, bytes):
        return source[:16], _find(source)
    with Path(source).open("rb") as file:
        if not file.read(1):
            raise ValueError("zero bytes")
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            return content[:16], _find(content)


def _find(content: "bytes | mmap.mmap") -> dict[str, bytes]:
    packet = _PACKET.search(content)
    return {"xmp": packet[0] if packet else b"", "c2pa": C2PA_BOX if content.find(C2PA_BOX) >= 0 else b""}


def _summary(kind: str, marks: Marks | None, has_manifest: bool) -> str:
    signed = "; it holds a C2PA manifest" if has_manifest else ""
    if marks is None:
        return f"no mark of the IPTC{signed}" if has_manifest else UNMARKED
    verb = {"generated": "made by a computer", "edited": "a photo that a computer changed"}.get(kind, marks.source_type)
    model = f" with the model {marks.model}" if marks.model else ""
    seed = "" if marks.seed is None else f", seed {marks.seed}"
    index = "" if marks.index is None else f", face {marks.index}"
    terms = f"; terms: {marks.terms}" if marks.terms else ""
    return f"{verb}{model}{seed}{index} ({marks.tool or 'program not stated'}){terms}{signed}"
