import gc
import io
import zipfile

from facesmith.studio.zip_stream import ZipStream


def _filled(archive: ZipStream) -> bytes:
    archive.add("a.png", b"picture")
    first = archive.take()
    archive.add("manifest.csv", "file\na.png\n" * 100)
    return first + archive.finish()


def test_a_zip_is_whole_when_its_parts_are_put_together_and_the_same_each_time() -> None:
    data = _filled(ZipStream())
    assert data == _filled(ZipStream())
    archive = zipfile.ZipFile(io.BytesIO(data))
    assert archive.testzip() is None
    assert archive.read("a.png") == b"picture"
    assert archive.read("manifest.csv").decode().count("a.png") == 100


def test_a_zip_that_is_given_up_half_way_says_nothing() -> None:
    """A client hung up: what is left of its zip is found by the garbage collector, in any order."""
    archive = ZipStream()
    archive.add("a.png", b"picture")
    circle: list[object] = [archive]
    circle.append(circle)
    del archive, circle
    gc.collect()  # an error in there would be a warning, and a warning fails
