"""Reports on the marks of files."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from facesmith.cli import facesmith as root
from facesmith.errors import FacesmithError
from facesmith.images.identify import identify
from facesmith.images.provenance import EDITED, GENERATED, Marks, marked_image
from facesmith.images.signing import C2PA_BOX
from facesmith.images.video import save_series

MARKS = Marks(GENERATED, "drawn64", "ab" * 32, "any use", 7, 3)
EDIT = Marks(EDITED, "celeba-makeover", "ab" * 32, "non-commercial")
PIXELS = np.random.default_rng(0).integers(0, 256, (3, 16, 16, 3), np.uint8)


@pytest.mark.parametrize(("name", "marks", "kind"), [("a.png", MARKS, "generated"), ("b.JPG", EDIT, "edited")])
def test_a_marked_picture_is_identified(name: str, marks: Marks, kind: str, tmp_path: Path) -> None:
    marked_image(PIXELS[0], marks).save(tmp_path / name)
    report = identify(tmp_path / name)
    assert (report["kind"], Marks(**report["marks"]), report["c2pa"]) == (kind, marks, False)
    assert identify((tmp_path / name).read_bytes())["marks"] == report["marks"]
    assert marks.model in report["summary"]


@pytest.mark.parametrize("suffix", [".gif", ".mp4"])
def test_films_are_marked(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"film{suffix}"
    save_series(PIXELS, path, EDIT, fps=8, loop=True)
    assert Marks(**identify(path)["marks"]) == EDIT
    assert identify(path.read_bytes())["kind"] == "edited"


def test_an_unmarked_picture_is_no_proof(tmp_path: Path) -> None:
    marked_image(PIXELS[0], MARKS).resize((8, 8)).save(tmp_path / "a.png")
    result = CliRunner().invoke(root, ["identify", str(tmp_path / "a.png")])
    assert "proves nothing" in result.output
    (report,) = json.loads(CliRunner().invoke(root, ["identify", str(tmp_path / "a.png"), "--json"]).output)
    assert (report["kind"], report["marks"]) == ("unmarked", None)


def test_an_unreadable_file_does_not_withhold_the_other_reports(tmp_path: Path) -> None:
    marked_image(PIXELS[0], MARKS).save(tmp_path / "a.png")
    (tmp_path / "b.txt").write_text("no image")
    files = [str(tmp_path / name) for name in ("b.txt", "a.png", "c.png")]
    result = CliRunner().invoke(root, ["identify", *files])
    assert "a.png: generated" in result.output
    assert isinstance(result.exception, FacesmithError)
    assert all(name in str(result.exception) for name in ("b.txt", "c.png"))


def test_marks_of_version_0_1_are_read() -> None:
    facts = {"synthetic": True, "edited": False, "model": "mine", "digest": "ab", "seed": 7, "index": 1}
    info, exif, png, jpeg = PngInfo(), Image.Exif(), io.BytesIO(), io.BytesIO()
    info.add_text("facesmith", json.dumps(facts))
    exif[0x010E] = f"A synthetic face. {json.dumps(facts)}"
    Image.fromarray(PIXELS[0]).save(png, "PNG", pnginfo=info)
    Image.fromarray(PIXELS[0]).save(jpeg, "JPEG", exif=exif)
    for data in (png.getvalue(), jpeg.getvalue()):
        report = identify(data)
        assert (report["kind"], report["marks"]["model"], report["marks"]["seed"]) == ("generated", "mine", 7)


def test_a_manifest_is_reported() -> None:
    png = io.BytesIO()
    Image.fromarray(PIXELS[0]).save(png, "PNG")
    assert identify(png.getvalue() + C2PA_BOX)["c2pa"]


@pytest.mark.parametrize("data", [b"", b"text", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff" + bytes(64)])
def test_other_files_are_refused(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(data)
    with pytest.raises(FacesmithError):
        identify(tmp_path / "a.png")
    with pytest.raises(FacesmithError):
        identify(data)


def test_sheets_and_videos_of_a_run_are_marked(small_run: Path) -> None:
    sheet = sorted((small_run / "samples").glob("*.png"))[0]
    for path in (sheet, small_run / "progress.mp4", small_run / "progress.gif"):
        report = identify(path)
        assert (report["kind"], report["marks"]["model"]) == ("generated", "tiny"), path
