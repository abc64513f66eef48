"""Give the columns of a label table their types: attribute (bool), split or identity.

Columns may have any type. Missing cells become null.
"""

import re
from typing import TYPE_CHECKING, Any

from facesmith.data.labels.table_file import to_strings
from facesmith.data.metadata import SPLITS
from facesmith.errors import FacesmithError

if TYPE_CHECKING:
    import pyarrow as pa

MISSING_CELLS = ("", "na", "n/a", "#n/a", "nan", "null", "none")
BOOLS = {"true": 1, "yes": 1, "1": 1, "false": 0, "no": 0, "0": 0, "-1": -1}
SPLIT_NUMBERS = {"0": 0, "train": 0, "1": 1, "valid": 1, "val": 1, "validation": 1, "dev": 1, "2": 2, "test": 2}


def parse_attribute(column: Any) -> "pa.Array | None":
    """Return a column of 0 and 1, -1 and 1, true and false or yes and no as bool; None for any other column."""
    import pyarrow as pa

    if pa.types.is_boolean(column.type):
        return column
    cells, indices = _distinct_cells(column)
    values = {BOOLS.get(cell) for cell in cells if cell is not None}
    if not values or not (values <= {0, 1} or values <= {-1, 1}):
        return None
    return pa.array([None if cell is None else BOOLS[cell] == 1 for cell in cells], pa.bool_()).take(indices)


def parse_signs(column: Any, name: str, table: str) -> "pa.Array":
    """Return a column of 1 and -1 as bool, or raise `FacesmithError` that quotes the first other cell."""
    import pyarrow as pa

    cells, indices = _distinct_cells(column)
    invalid_value = next((cell for cell in cells if cell not in ("1", "-1")), "")
    if invalid_value != "" or indices.null_count:
        cell_text = f"the value {invalid_value!r}" if invalid_value else "an empty cell"
        raise FacesmithError(f"{table} is not CelebA's: {name} has {cell_text} where 1 or -1 is expected")
    return pa.array([cell == "1" for cell in cells], pa.bool_()).take(indices)


def parse_splits(column: Any, table: str) -> "pa.Array":
    """Return a column of 0, 1, 2 or train, valid, test as the names of splits, or raise `FacesmithError`."""
    import pyarrow as pa

    cells, indices = _distinct_cells(column)
    invalid_value = next((cell for cell in cells if cell is not None and cell not in SPLIT_NUMBERS), None)
    if invalid_value is not None:
        raise FacesmithError(f"{table} has the split {invalid_value!r}: expected 0, 1, 2 or train, valid, test")
    splits = [None if cell is None else SPLITS[SPLIT_NUMBERS[cell]] for cell in cells]
    return pa.array(splits, pa.string()).take(indices)


def parse_identity(column: Any) -> "pa.Array | None":
    """Return a column of whole numbers as int64, or None for any other column."""
    import pyarrow as pa

    cells, indices = _distinct_cells(column)
    numbers = [
        None if cell is None else int(cell) for cell in cells if cell is None or re.fullmatch(r"-?\d{1,18}", cell)
    ]
    if len(numbers) < len(cells) or not any(number is not None for number in numbers):
        return None
    return pa.array(numbers, pa.int64()).take(indices)


def _distinct_cells(column: Any) -> tuple[list[str | None], Any]:
    """Return the distinct cells of a column as cleaned text, None if missing, and each row's index into them."""
    import pyarrow as pa

    column = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    encoded = to_strings(column).dictionary_encode()
    return [_clean(cell) for cell in encoded.dictionary.to_pylist()], encoded.indices


def _clean(cell: str) -> str | None:
    text = re.sub(r"^\+?(-?\d+)\.0*$", r"\1", cell.strip().lower())  # pandas writes whole numbers as 1.0
    return None if text in MISSING_CELLS else text
