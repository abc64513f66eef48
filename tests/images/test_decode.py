"""One picture: which part of it is kept, and what becomes of the ones that cannot be read."""

import sys
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from facesmith.errors import FacesmithError, ImageError
from facesmith.images.crop import parse_crop_spec
from facesmith.images.decode import _can_read_heif, decode, decode_full_size


def encoded(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    buffer = BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def photo(width: int = 178, height: int = 218) -> Image.Image:
    noise = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    return Image.fromarray(noise)


@pytest.mark.parametrize(
    ("crop", "box"),
    [
        ("fit", (0, 20, 178, 198)),
        ("center:178", (0, 20, 178, 198)),
        ("center:108", (35, 55, 143, 163)),
        ("box:49,90,80,100", (49, 90, 129, 190)),
        ("none", (0, 0, 178, 218)),
    ],
)
def test_a_crop_keeps_exactly_its_pixels(crop: str, box: tuple[int, int, int, int]) -> None:
    image = photo()
    expected = image.crop(box).resize((64, 64), Image.Resampling.LANCZOS)
    assert np.array_equal(decode(encoded(image), parse_crop_spec("64", crop, "lanczos")), np.asarray(expected))


@pytest.mark.parametrize("name", ["lanczos", "bicubic", "bilinear", "box"])
def test_resize_uses_the_selected_filter(name: str) -> None:
    image = photo(64, 64)
    expected = image.resize((16, 16), Image.Resampling[name.upper()])
    assert np.array_equal(decode(encoded(image), parse_crop_spec("16", "fit", name)), np.asarray(expected))


def test_fit_crops_the_largest_area_of_the_aspect_ratio() -> None:
    frame = parse_crop_spec("80x100", "fit", "lanczos")
    left, top, right, bottom = frame.box(1000, 300)
    assert bottom - top == 300
    assert right - left == pytest.approx(240)
    assert left + right == pytest.approx(1000)
    assert decode(encoded(photo(33, 71)), frame).shape == (100, 80, 3)


def test_an_image_smaller_than_the_crop_is_refused() -> None:
    with pytest.raises(ImageError, match=r"smaller than the crop, 100x218 instead of 178"):
        decode(encoded(photo(100, 218)), parse_crop_spec("64", "center:178", "lanczos"))
    with pytest.raises(ImageError, match="smaller than the crop"):
        decode(encoded(photo(100, 100)), parse_crop_spec("64", "box:49,90,80,100", "lanczos"))


def test_exif_orientation_is_applied_before_the_crop() -> None:
    image = photo(218, 178).resize((218, 178), Image.Resampling.BILINEAR)
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = decode(encoded(image, exif=exif), parse_crop_spec("64", "box:10,40,100,150", "lanczos"))
    upright = image.transpose(Image.Transpose.ROTATE_270)
    expected = upright.crop((10, 40, 110, 190)).resize((64, 64), Image.Resampling.LANCZOS)
    assert np.array_equal(turned, np.asarray(expected))


def test_reduced_jpeg_decoding_changes_pixels_at_most_slightly() -> None:
    smooth = photo(30, 30).resize((3000, 3000), Image.Resampling.BICUBIC)
    data = encoded(smooth, "JPEG", quality=95)
    full_image = Image.open(BytesIO(data))
    exact = np.asarray(full_image.resize((64, 64), Image.Resampling.LANCZOS)).astype(int)
    quick = decode(data, parse_crop_spec("64", "fit", "lanczos")).astype(int)
    assert np.abs(quick - exact).max() <= 3
    small = encoded(photo(500, 500), "JPEG")  # under eight times the target: every pixel is decoded
    expected = Image.open(BytesIO(small)).resize((64, 64), Image.Resampling.LANCZOS)
    assert np.array_equal(decode(small, parse_crop_spec("64", "fit", "lanczos")), np.asarray(expected))


@pytest.mark.parametrize("size", ["", "0", "64x", "64x64x64", "-8", "99999", "2"])
def test_a_wrong_size_is_refused(size: str) -> None:
    with pytest.raises(FacesmithError, match="invalid size"):
        parse_crop_spec(size, "fit", "lanczos")


@pytest.mark.parametrize("crop", ["", "center", "center:0", "center:a", "box:1,2,3", "middle", "box:0,0,0,5"])
def test_a_wrong_crop_is_refused(crop: str) -> None:
    with pytest.raises(FacesmithError, match="invalid crop"):
        parse_crop_spec("64", crop, "lanczos")


def test_a_wrong_filter_is_refused() -> None:
    with pytest.raises(FacesmithError, match="lanczos, bicubic, bilinear, box"):
        parse_crop_spec("64", "fit", "nearest")


def profile_with_swapped_primaries() -> bytes:
    """A profile like sRGB's in which red and green are exchanged."""
    data = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    data = data.replace("sRGB".encode("utf-16-be"), "swap".encode("utf-16-be")).replace(
        b"sRGB built-in", b"swap built-in"
    )
    for first, second in ((b"rXYZ", b"gXYZ"), (b"rTRC", b"gTRC")):
        data = data.replace(first, b"????").replace(second, first).replace(b"????", second)
    return data


@pytest.mark.parametrize(
    ("mode", "kind"), [("RGB", "PNG"), ("RGBA", "PNG"), ("RGB", "JPEG"), ("RGB", "AVIF"), ("P", "PNG")]
)
def test_colour_profiles_are_converted_to_srgb(mode: str, kind: str) -> None:
    image = Image.new("RGB", (16, 16), (255, 0, 0)).convert(mode)
    data = encoded(image, kind, icc_profile=profile_with_swapped_primaries())
    assert np.abs(decode_full_size(data)[8, 8].astype(int) - (0, 255, 0)).max() < 16


def test_a_profile_that_is_damaged_or_srgb_changes_nothing() -> None:
    for profile in (b"damaged", ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()):
        image = photo(16, 16)
        assert np.array_equal(decode_full_size(encoded(image, icc_profile=profile)), np.asarray(image))


def test_a_git_lfs_pointer_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 9\n")
    for file in (str(tmp_path / "a.jpg"), (tmp_path / "a.jpg").read_bytes()):
        with pytest.raises(ImageError, match="git lfs pull"):
            decode_full_size(file)


def test_heic_is_read_with_its_extra_and_else_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    heif = pytest.importorskip("pillow_heif")
    data = BytesIO()
    heif.from_pillow(Image.new("RGB", (64, 64), (200, 60, 30))).save(data)
    assert np.abs(decode_full_size(data.getvalue())[32, 32].astype(int) - (200, 60, 30)).max() < 8
    with pytest.raises(ImageError, match="unreadable HEIC image: convert it to JPEG"):
        decode_full_size(data.getvalue()[:60])
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    _can_read_heif.cache_clear()
    with pytest.raises(ImageError, match=r"install facesmith\[heic\]"):
        decode_full_size(data.getvalue())
    _can_read_heif.cache_clear()
