"""Photos in folders: found by ending or content, through links, each once."""

import os
from pathlib import Path

import pytest
from PIL import Image

from facesmith.errors import FacesmithError
from facesmith.images.photo_files import expand_photos, is_image, walk_folder


def write(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8)).save(root / name)
    return root


@pytest.mark.skipif(os.name != "posix", reason="needs symbolic links")
def test_linked_folders_are_listed_once(tmp_path: Path) -> None:
    root = write(tmp_path / "root", "real/1.png", "real/2.png")
    outside = write(tmp_path / "outside", "3.png")
    for name, target in {
        "again": root / "real", "loop": root, "up": tmp_path, "self": root / "self", "o1": outside, "o2": outside,
    }.items():  # fmt: skip
        (root / name).symlink_to(target)
    (outside / "back").symlink_to(root / "real")
    (root / "link.png").symlink_to(root / "real" / "1.png")
    walk = walk_folder(str(root))
    assert list(walk.files) == ["link.png", "o1/3.png", "real/1.png", "real/2.png", "self"]
    assert walk.repeated == ["again", "loop", "o2", "up", "o1/back"]


def test_an_unreadable_folder_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "a.png", "private/b.png")
    scandir = os.scandir

    def refuse(path: str) -> object:
        if path.endswith("private"):
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)  # the user of a test may be root, who may read everything
    walk = walk_folder(str(tmp_path))
    assert (list(walk.files), walk.unreadable) == (["a.png"], ["private"])
    with pytest.raises(FacesmithError, match="cannot be listed: Permission denied"):
        walk_folder(str(tmp_path / "private"))


def test_a_picture_is_recognised_by_ending_or_content(tmp_path: Path) -> None:
    for kind in ("JPEG", "PNG", "WEBP", "AVIF", "JPEG2000", "BMP", "GIF", "TIFF"):
        Image.new("RGB", (8, 8)).save(tmp_path / kind, kind)
        for name in (kind, f"{kind}.txt"):
            assert is_image(name, (tmp_path / kind).__str__), name
    (tmp_path / "text").write_text("BM and other text, longer than a signature")
    assert not is_image("text", lambda: str(tmp_path / "text"))
    assert not is_image("missing", lambda: str(tmp_path / "missing"))
    assert is_image("x.HEIC", lambda: b"")


def test_folders_and_patterns_stand_for_their_photos(tmp_path: Path) -> None:
    root = write(tmp_path / "photos", "b.png", "sub/a.png", "[1].png")
    assert expand_photos([root]) == [str(root / name) for name in ("[1].png", "b.png", "sub/a.png")]
    assert expand_photos([f"{root}/*/*.png", root / "[1].png"]) == [str(root / "sub/a.png"), str(root / "[1].png")]
    (tmp_path / "empty").mkdir()
    for photo, message in ((tmp_path / "empty", "empty contains no images"), ("no*.png", "no file matches")):
        with pytest.raises(FacesmithError, match=message):
            expand_photos([photo])
