import pyarrow as pa
import pytest

from facesmith.data.labels.matching import match_rows


@pytest.mark.parametrize(
    ("files", "keys", "rows"),
    [
        (["a/1.jpg", "b/1.jpg"], ["b/1.jpg", "a/1.jpg"], [1, 0]),
        (["a/1.jpg", "2.jpg"], ["1.jpg", "2.jpg"], [0, 1]),
        (["1.png", "2.png"], ["2.jpg", "1.jpg"], [1, 0]),
        (["a/1.png"], ["1"], [0]),
        (["j.smith.png"], ["j.smith"], [0]),
        (["1.jpg"], ["/home/me/photos/1.jpg"], [0]),
        (["a/1.jpg"], [".\\a\\1.jpg"], [0]),
        (["e\u0301.jpg"], ["\u00e9.jpg"], [0]),
        (["1.jpg", "3.jpg"], ["1.jpg", None], [0, -1]),
    ],
)
def test_rows_name_files_in_several_forms(files: list[str], keys: list[str], rows: list[int]) -> None:
    assert match_rows(files, pa.array(keys), "a.csv").rows.tolist() == rows


def test_unmatched_rows_are_counted_with_examples() -> None:
    match = match_rows(
        ["a/1.jpg", "b/1.jpg", "2.jpg", "3.jpg"], pa.array(["1.jpg", "2.jpg", "2.jpg", "9.jpg"]), "a.csv"
    )
    assert match.unmatched_rows == 1
    notes = {note.text: (note.count, note.examples) for note in match.notes}
    assert notes == {
        "rows of a.csv name no photo": (1, ["9.jpg"]),
        "photos have no row in a.csv": (1, ["3.jpg"]),
        "photos are named by several rows of a.csv, the first is used": (1, ["2.jpg"]),
        "rows of a.csv name several photos, which get the same labels": (1, ["1.jpg"]),
    }
