import gc
import io
import zipfile

from facesmith.studio.zip_stream import ZipStream


def _filled(archive: ZipStream) -> bytes:
    archive.add("a.png", b"picture")
    first = archive.take()
    archive.add("manifest.csv", "file\na.png\n" * 100)
    return first + archive.finish()


def test_a_zip_is_complete_and_reproducible() -> None:
    data = _filled(ZipStream())
    assert data == _filled(ZipStream())
    archive = zipfile.ZipFile(io.BytesIO(data))
    assert archive.testzip() is None
    assert archive.read("a.png") == b"picture"
    assert archive.read("manifest.csv").decode().count("a.png") == 100


def test_an_abandoned_zip_raises_no_error() -> None:
    """After a disconnect, the garbage collector deletes the parts of the zip in any order."""
    archive = ZipStream()
    archive.add("a.png", b"picture")
    circle: list[object] = [archive]
    circle.append(circle)
    del archive, circle
    gc.collect()  # an error would be a warning, which fails the test
