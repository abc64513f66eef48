"""Properties of label tables, file names, crops and filters. More examples: --hypothesis-profile thorough."""

import csv
import io
from contextlib import suppress

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from facesmith.data.filters import match_filter
from facesmith.data.labels.label_files import read_labels
from facesmith.data.labels.matching import match_rows
from facesmith.data.labels.table import read_label_table
from facesmith.data.source import metadata_table
from facesmith.errors import FacesmithError, ImageError
from facesmith.images.crop import FILTERS, parse_crop_spec

NAMES = st.text(st.characters(exclude_categories=("C", "Z"), exclude_characters="/\\%'\""), min_size=1, max_size=8)
FILES = st.lists(NAMES.map(lambda name: f"{name}.jpg"), min_size=1, max_size=6, unique_by=lambda name: name.casefold())
CELLS = st.sampled_from([True, False, None])
WORDS = {True: ("1", "1.0", "yes", "TRUE"), False: ("0", "0.0", "no", "False"), None: ("", "nan", "NA")}
COLUMN = st.lists(CELLS, min_size=6, max_size=6)


@given(
    FILES,
    COLUMN,
    st.sampled_from(",;\t|"),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    st.integers(0, 2),
)
def test_a_written_table_is_read_back(
    files: list[str], cells: list[bool | None], delimiter: str, end: str, charset: str, quoting: int, word: int
) -> None:
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, lineterminator=end, quoting=quoting)  # type: ignore[arg-type]
    rows = [[file, WORDS[cell][word], 1] for file, cell in zip(files, cells, strict=False)]
    writer.writerows([["file", "Male", "Known"], *rows])
    labels = read_labels([("", "t.csv", out.getvalue().encode(charset))], files, required=True)
    read = labels.attributes["Male"].to_pylist() if "Male" in labels.attributes else [None] * len(files)
    assert read == cells[: len(files)]
    assert labels.attributes["Known"].to_pylist() == [True] * len(files)


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_any_bytes_are_a_table_or_refused(data: bytes) -> None:
    with suppress(FacesmithError):
        table = read_label_table(data, "t.csv")
        assert all(column.type == pa.string() for column in table.columns)


@given(st.lists(st.text(max_size=12), max_size=6), st.lists(st.none() | st.text(max_size=12), max_size=6))
def test_any_names_are_matched_or_left(files: list[str], names: list[str | None]) -> None:
    match = match_rows(files, names)
    used = [row for rows in match.rows for row in rows]
    assert len(used) == len(set(used))
    assert not set(used) & {*match.unmatched, *match.ambiguous}
    assert {*used, *match.unmatched, *match.ambiguous} == set(range(len(names)))


@given(FILES, st.randoms(use_true_random=False))
def test_a_file_gets_the_row_with_its_name(files: list[str], random: object) -> None:
    order = sorted(range(len(files)), key=lambda _: random.random())  # type: ignore[attr-defined]
    match = match_rows(files, [files[row] for row in order])
    assert match.rows == [[order.index(file)] for file in range(len(files))]


SIDES = st.integers(1, 5000)
CROPS = st.sampled_from(["fit", "none"]) | st.builds("center:{}".format, SIDES) | st.text(max_size=12)
CROPS |= st.builds("box:{},{},{},{}".format, SIDES, SIDES, SIDES, SIDES)


@given(
    st.builds("{}x{}".format, SIDES, SIDES) | st.text(max_size=8), CROPS, st.sampled_from(sorted(FILTERS)), SIDES, SIDES
)
def test_a_crop_lies_in_the_image_or_is_refused(size: str, crop: str, resize: str, width: int, height: int) -> None:
    with suppress(FacesmithError, ImageError):
        spec = parse_crop_spec(size, crop, resize)
        left, top, right, bottom = spec.box(width, height)
        assert 0 <= left < right <= width
        assert 0 <= top < bottom <= height
        if crop == "fit":
            assert abs((right - left) * spec.height - (bottom - top) * spec.width) < 1e-6 * width * height * spec.width


TABLE = metadata_table(
    [f"{row}" for row in range(9)],
    attributes={
        "A": pa.array([True, False, None] * 3),
        "B b": pa.array([True] * 3 + [False] * 3 + [None] * 3),
    },
)
TRUTH = {"A": [True, False, None] * 3, "'B b'": [True] * 3 + [False] * 3 + [None] * 3}
Column = tuple[str, list[bool | None]]


def negate(column: Column) -> Column:
    return f"~({column[0]})", [None if value is None else not value for value in column[1]]


def combine(first: Column, second: Column, use_or: bool) -> Column:
    """Combine two columns in three-valued logic: or with its true, and with its false decides."""
    decides = use_or
    pairs = zip(first[1], second[1], strict=True)
    values = [decides if decides in pair else None if None in pair else not decides for pair in pairs]
    return f"({first[0]}) {'|' if use_or else 'and'} ({second[0]})", values


EXPRESSIONS = st.recursive(
    st.sampled_from(sorted(TRUTH.items())),
    lambda inner: st.builds(negate, inner) | st.builds(combine, inner, inner, st.booleans()),
    max_leaves=6,
)


@given(EXPRESSIONS)
def test_a_filter_follows_three_valued_logic(expression: Column) -> None:
    text, values = expression
    assert match_filter(TABLE, text).tolist() == [value is True for value in values]


@given(st.text(st.sampled_from("AB b'\"()&|~!=,.01 intrueofsplt"), max_size=30) | st.text(max_size=30))
def test_any_filter_is_evaluated_or_refused(text: str) -> None:
    with suppress(FacesmithError):
        assert len(match_filter(TABLE, text)) == 9
