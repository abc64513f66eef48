import gc
import io
import zipfile

from facesmith.studio.zip_stream import Zip


def _filled(archive: Zip) -> bytes:
    archive.put("a.png", b"picture")
    first = archive.taken()
    archive.put("manifest.csv", "file\na.png\n" * 100)
    return first + archive.ended()


def test_a_zip_is_whole_when_its_parts_are_put_together_and_the_same_each_time() -> None:
    data = _filled(Zip())
    assert data == _filled(Zip())
    archive = zipfile.ZipFile(io.BytesIO(data))
    assert archive.testzip() is None
    assert archive.read("a.png") == b"picture"
    assert archive.read("manifest.csv").decode().count("a.png") == 100


def test_a_zip_that_is_given_up_half_way_says_nothing() -> None:
    """A client hung up: what is left of its zip is found by the garbage collector, in any order."""
    archive = Zip()
    archive.put("a.png", b"picture")
    circle: list[object] = [archive]
    circle.append(circle)
    del archive, circle
    gc.collect()  # an error in there would be a warning, and a warning fails
