"""Marks in image files."""

import io

import numpy as np
import pytest
from PIL import Image

from facesmith.images.decode import read_marks
from facesmith.images.provenance import EDITED, GENERATED, Marks, parse_xmp, save_options

MARKS = Marks(GENERATED, 'a "model" <&> ü', "ab" * 32, "non-commercial; a < b & c", 10**18 - 1, 7)
PIXELS = np.random.default_rng(0).integers(0, 256, (8, 8, 3), np.uint8)


def encode(form: str, marks: Marks | None = None) -> bytes:
    file = io.BytesIO()
    Image.fromarray(PIXELS).save(file, form, **(save_options(marks, form) if marks else {}))
    return file.getvalue()


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "TIFF", "GIF", "AVIF"])
def test_marks_survive_in_every_format_that_holds_xmp(form: str) -> None:
    assert read_marks(encode(form, MARKS)) == MARKS
    assert read_marks(encode(form)) is None


def test_an_encoded_png_gets_marks_without_a_change_of_its_pixels() -> None:
    png = encode("PNG")
    marked = png[:33] + MARKS.png_chunk() + png[33:]  # behind the signature and the chunk IHDR
    assert read_marks(marked) == MARKS
    with Image.open(io.BytesIO(marked)) as image:
        image.verify()
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(marked))), PIXELS)


def test_marks_of_other_programs_are_read() -> None:
    packet = """<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/"><r:RDF
      xmlns:r="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><r:Description r:about=""
      xmlns:i="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"><i:DigitalSourceType>
      http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia
      </i:DigitalSourceType></r:Description></r:RDF></x:xmpmeta><?xpacket end="w"?>"""
    assert parse_xmp(packet) == Marks(EDITED, tool="")


@pytest.mark.parametrize(
    "packet",
    [b"", b"<x:xmpmeta>", b"<x:xmpmeta xmlns:x='x'></x:xmpmeta>", b"\xff\xfe<rdf:RDF ></rdf:RDF>", "<x:xmpmeta a=\0/>"],
)
def test_what_is_no_mark_is_none(packet: bytes | str) -> None:
    assert parse_xmp(packet) is None


def test_entities_are_refused() -> None:
    bomb = b'<!DOCTYPE x [<!ENTITY a "aaaa">]>' + MARKS.xmp().replace(b"ab", b"&a;")
    assert parse_xmp(bomb) is None
