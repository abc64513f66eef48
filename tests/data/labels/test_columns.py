import pyarrow as pa
import pytest

from facesmith.data.labels.columns import parse_attribute, parse_identity, parse_signs, parse_splits
from facesmith.errors import FacesmithError


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["1", "0", ""], [True, False, None]),
        (["-1", " 1", "NaN"], [False, True, None]),
        (["1.0", "-1.0", "1"], [True, False, True]),
        (["Yes", "no", "TRUE"], [True, False, True]),
        ([1, 0, None], [True, False, None]),
        ([1.0, 0.0, None], [True, False, None]),
        ([True, None, False], [True, None, False]),
        (["-1", "0", "1"], None),
        (["1", "maybe", "0"], None),
        (["", "", ""], None),
        ([[1], [0], [1]], None),
    ],
)
def test_attribute_columns(cells: list[object], expected: list[object] | None) -> None:
    column = parse_attribute(pa.chunked_array([pa.array(cells)]))
    assert (None if column is None else column.to_pylist()) == expected


def test_signs_quote_the_first_wrong_cell() -> None:
    assert parse_signs(pa.array(["1", "-1.0"]), "Male", "a.csv").to_pylist() == [True, False]
    assert parse_signs(pa.array(["1", "0", ""]), "Male", "a.csv").to_pylist() == [True, False, None]
    for cells, message in ((["1", "2"], "the value '2'"), (["", ""], "or nothing")):
        with pytest.raises(FacesmithError, match=f"a.csv is not a CelebA attribute file .*Male .*{message}"):
            parse_signs(pa.array(cells), "Male", "a.csv")


def test_splits_and_identities() -> None:
    assert parse_splits(pa.array(["0", "val", " Test", "2.0", ""]), "a.csv").to_pylist() == [
        "train", "valid", "test", "test", None,
    ]  # fmt: skip
    identities = parse_identity(pa.array(["7", "2880.0", ""]))
    assert identities is not None
    assert identities.to_pylist() == [7, 2880, None]
    assert parse_identity(pa.array(["7", "x"])) is None
