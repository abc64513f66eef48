import pytest

from facesmith.data.labels.matching import describe_match, match_rows


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
    assert [found[0] if found else -1 for found in match_rows(files, keys).rows] == rows


def test_rows_that_fit_none_or_several_files_are_described() -> None:
    files, names = ["a/1.jpg", "b/1.jpg", "2.jpg", "3.jpg"], ["1.jpg", "2.jpg", "2.png", "9.jpg"]
    match = match_rows(files, names)
    assert match.rows == [[], [], [1], []]
    assert [(note.count, note.examples) for note in describe_match(match, files, names, "a.csv")] == [
        (2, ["2.png", "9.jpg"]),
        (1, ["1.jpg"]),
        (3, ["a/1.jpg", "b/1.jpg", "3.jpg"]),
    ]
    assert match_rows(files, ["1.jpg"], copies=True).rows[:2] == [[0], [0]]
