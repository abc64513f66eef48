"""The language of where, and the seeded choice of some rows."""

import numpy as np
import pyarrow as pa
import pytest

from facesmith.data.filters import match_filter
from facesmith.data.selection import select_rows
from facesmith.data.source import metadata_table
from facesmith.errors import FacesmithError

TABLE = metadata_table(
    ["a", "b", "c", "d", "e"],
    pa.array(["train", "train", "valid", "test", None]),
    pa.array([2880, 1, 2, None, 2880]),
    {
        "Male": pa.array([True, True, False, False, None]),
        "Eyeglasses": pa.array([True, False, False, None, False]),
        "5_o_Clock_Shadow": pa.array([False, True, False, False, False]),
        "big nose": pa.array([True, False, True, False, True]),
    },
)


def rows(where: str) -> str:
    return "".join(name for name, hit in zip("abcde", match_filter(TABLE, where), strict=True) if hit)


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("Male", "ab"),
        ("~Male", "cd"),
        ("Male & ~Eyeglasses", "b"),
        ("Male and not Eyeglasses", "b"),
        ("Male | Eyeglasses", "ab"),
        ("!(Male | Eyeglasses)", "c"),
        ("Male or Eyeglasses and ~Male", "ab"),  # and binds more tightly
        ("~~Male", "ab"),
        ("5_o_Clock_Shadow", "b"),
        ("'big nose' & ~Male", "c"),
        ('"big nose" == true', "ace"),
        ("Male == 0", "cd"),
        ("Male != -1", "ab"),
        ("split == train", "ab"),
        ("split=='train'", "ab"),
        ("partition == 0", "ab"),
        ("partition == 2 | split == valid", "cd"),
        ("split != train", "cd"),
        ("split in (valid, 2)", "cd"),
        ("identity == 2880", "ae"),
        ("identity != 2880", "bc"),
        ("identity in (1,2,3)", "bc"),
        ("identity not in (1,2,3)", "ae"),
        ("Male & identity == 2880", "a"),
    ],
)
def test_expressions_select_the_expected_rows(where: str, expected: str) -> None:
    assert rows(where) == expected


def test_unknown_matches_neither_way() -> None:
    assert "d" not in rows("Eyeglasses")
    assert "d" not in rows("~Eyeglasses")
    assert rows("Male | ~Male") == "abcd"


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ("Mail", "did you mean Male"),
        ("male", "did you mean Male"),
        ("eye_glases", "did you mean Eyeglasses"),
        ("qqqqqq", "choose one of Male, Eyeglasses"),
        ("", "empty expression"),
        ("Male &", "a name is missing at the end"),
        ("(Male", r"'\)' is missing"),
        ("Male Eyeglasses", "'Eyeglasses' is unexpected"),
        ("Male & & Eyeglasses", "a name is missing before '&'"),
        ("split == foo", "'foo' is not a split"),
        ("split", "split == train"),
        ("identity", "identity == 2880"),
        ("identity == x", "not a whole number"),
        ("identity in (1", r"'\)' is missing"),
        ("Male == maybe", "neither true nor false"),
        ("Male; import os", "';' is not a valid character"),
        ("(" * 1000 + "Male" + ")" * 1000, "deeply nested"),
        ("~" * 100_000 + "Male", "deeply nested"),
    ],
)
def test_an_invalid_expression_is_refused(where: str, message: str) -> None:
    with pytest.raises(FacesmithError, match=message):
        match_filter(TABLE, where)


def test_a_split_filter_needs_splits() -> None:
    with pytest.raises(FacesmithError, match="has no splits"):
        match_filter(metadata_table(["a"]), "split == train")


def test_a_limit_draws_sorted_rows_by_seed_after_where() -> None:
    table = metadata_table(
        [f"{i}" for i in range(1000)], attributes={"Odd": pa.array([i % 2 == 1 for i in range(1000)])}
    )
    selected = select_rows(table, "Odd", 50, seed=3)
    assert len(selected) == 50
    assert (selected % 2 == 1).all()
    assert (np.diff(selected) > 0).all()
    assert np.array_equal(selected, select_rows(table, "Odd", 50, seed=3))
    assert not np.array_equal(selected, select_rows(table, "Odd", 50, seed=4))
    assert len(select_rows(table, "Odd", 5000, seed=0)) == 500


def test_a_filter_without_matches_is_refused() -> None:
    with pytest.raises(FacesmithError, match="none of the 5 .*'Male & ~Male'"):
        select_rows(TABLE, "Male & ~Male", None, 0)
    with pytest.raises(FacesmithError, match="limit 0"):
        select_rows(TABLE, None, 0, 0)
