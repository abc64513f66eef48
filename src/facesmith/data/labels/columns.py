"""Give the columns of a label table their types: attribute (bool), split or identity.

Columns may have any type. Missing cells become null.
"""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from facesmith.data.labels.table import to_strings
from facesmith.data.source import SPLIT_NUMBERS, SPLITS, Labels, free_attribute_name, note
from facesmith.errors import FacesmithError

if TYPE_CHECKING:
    import pyarrow as pa

MISSING_CELLS = ("", "na", "n/a", "#n/a", "nan", "null", "none")
BOOLS = {"true": 1, "t": 1, "yes": 1, "y": 1, "on": 1, "1": 1}
BOOLS |= {"false": 0, "f": 0, "no": 0, "n": 0, "off": 0, "0": 0, "-1": -1}
# What spreadsheets write in other languages, and yes and no in these.
BOOLS |= dict.fromkeys(("wahr", "vrai", "vero", "verdadero", "verdadeiro", "ja", "oui", "si", "sí", "sim", "✓", "✔"), 1)
BOOLS |= dict.fromkeys(("falsch", "faux", "falso", "nein", "nee", "non", "não", "✗", "✘"), 0)
SPLIT_COLUMNS = ("split", "partition", "subset")
IDENTITY_COLUMNS = ("identity", "celeb_id", "person_id")
TERMS_COLUMN = "terms"
CLASS_COLUMNS = ("label", "labels", "class")
WORD_COLUMNS = (  # classes if their cells are words
    "gender", "sex", "race", "ethnicity", "age", "age_group", "emotion", "expression", "pose", "hair", "hair_color",
    "hair_colour", "category",
)  # fmt: skip
MAX_CLASSES = 64  # a column with more distinct values is not a class label
MIN_BOOL_SHARE = 0.9  # of an attribute's cells; the other cells are unknown
# Columns of the manifests of `facesmith generate` and of the studio, besides the probabilities of attributes.
GENERATED_COLUMNS = ("seed", "index", "latent_index", "truncation", "model", "digest", "with", "label_source")
PROBABILITY = "_probability"  # the ending of the columns of probabilities beside those of attributes


def type_columns(
    columns: "Mapping[str, pa.Array]", name: str, classes: Mapping[str, list[str]] | None = None
) -> Labels:
    """Return the labels in the columns of the table ``name``; ``classes`` names the classes of numbered columns.

    A column of classes becomes one attribute for each class. With ``classes`` given, so does one of a few numbers.
    Cells of an attribute that are neither true nor false are unknown, and reported. So are columns that are not used.
    """
    labels = Labels()
    is_generated = {"seed", "truncation", "model"} <= set(columns)
    probabilities = {f"{name}{PROBABILITY}" for name in columns}
    unused: list[str] = []
    for column, cells in columns.items():
        kind = column.strip().lower()
        if kind == TERMS_COLUMN:
            labels.terms += sorted({cell for cell in to_strings(cells).to_pylist() if cell})
        elif column in (GENERATED_COLUMNS if is_generated else ()) or column in probabilities:
            labels.ignored_columns.append(column)
        elif kind in SPLIT_COLUMNS and labels.split is None:
            labels.split = parse_splits(cells, name)
        elif kind in IDENTITY_COLUMNS and labels.identity is None:
            labels.identity = parse_identity(cells)
            if labels.identity is None:
                names, labels.identity = _number_names(cells)
                text = f"people in {column.strip()} of {name}, numbered in the order of their names"
                labels.notes += note(text, len(names), names)
        elif parsed := _parse_classes(column, cells, classes):
            for class_name, values in parsed.items():
                labels.attributes[free_attribute_name(class_name, list(labels.attributes))] = values
        elif is_generated and (probable := _parse_probabilities(cells)) is not None:
            labels.attributes[free_attribute_name(column, list(labels.attributes))] = probable
        elif (attribute := parse_attribute(cells, MIN_BOOL_SHARE)) is not None:
            labels.attributes[free_attribute_name(column, list(labels.attributes))] = attribute
            odd = _odd_cells(cells)
            text = f"cells of {column.strip()} in {name} that are neither true nor false, treated as unknown"
            labels.notes += note(text, sum(odd.values()), map(repr, odd))
        else:
            labels.ignored_columns.append(column)
            unused.append(column.strip() + _reason(_odd_cells(cells), cells))
    text = f"columns of {name} that are not attributes, splits or identities, ignored"
    labels.notes += note(text, len(unused), unused)
    return labels


def parse_attribute(column: Any, min_share: float = 1) -> "pa.Array | None":
    """Return a column of 0 and 1, -1 and 1, true and false or yes and no as bool; None for any other column.

    ``min_share`` is the smallest share of such cells; of few cells, one may be another text, but not a number.
    """
    import pyarrow as pa

    if pa.types.is_boolean(column.type):
        return column
    cells, indices = _distinct_cells(column)
    values = {BOOLS[cell] for cell in cells if cell in BOOLS}
    if not values or not (values <= {0, 1} or values <= {-1, 1}):
        return None
    if odd := [cell for cell in cells if cell is not None and cell not in BOOLS]:
        counts = dict(zip(cells, _counts(cells, indices), strict=True))
        count = sum(number for cell, number in counts.items() if cell in BOOLS)
        max_odd = (1 / min_share - 1) * count
        if min_share < 1 and count > 1 and not any(map(_is_number, odd)):
            max_odd = max(max_odd, 1)
        if sum(counts[cell] for cell in odd) > max_odd:
            return None
    return pa.array([BOOLS[cell] == 1 if cell in BOOLS else None for cell in cells], pa.bool_()).take(indices)


def parse_signs(column: Any, name: str, table: str) -> "pa.Array":
    """Return a column of CelebA as bool, or raise `FacesmithError` that quotes the first other cell."""
    values = parse_attribute(column)
    if values is None:
        odd = next(iter(_odd_cells(column)), None)
        text = "-1, 0 and 1, or nothing" if odd is None else f"the value {odd!r}"
        raise FacesmithError(
            f"{table} is not a CelebA attribute file (expected only 1 and -1, but {name} contains {text}): pass the "
            "original file"
        )
    return values


def parse_splits(column: Any, table: str) -> "pa.Array":
    """Return a column of 0, 1, 2 or train, valid, test as the names of splits, or raise `FacesmithError`."""
    import pyarrow as pa

    cells, indices = _distinct_cells(column)
    invalid_value = next((cell for cell in cells if cell is not None and cell not in SPLIT_NUMBERS), None)
    if invalid_value is not None:
        raise FacesmithError(f"{table} has the split {invalid_value!r}: expected train, valid or test, or 0, 1 or 2")
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


def _number_names(column: Any) -> "tuple[list[str], pa.Array]":
    """Return the sorted names in a column, and the number among them of each cell."""
    import pyarrow as pa
    import pyarrow.compute as pc

    cells = pc.utf8_trim_whitespace(to_strings(column))
    names = sorted(cell for cell in pc.unique(cells).to_pylist() if cell and clean_cell(cell) is not None)
    return names, pc.index_in(cells, pa.array(names, pa.string())).cast(pa.int64())


def _parse_classes(name: str, column: Any, classes: Mapping[str, list[str]] | None) -> "dict[str, pa.Array]":
    """Return an attribute for each class of a column, nothing if it has no classes."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if labels := (classes or {}).get(name):
        if len(labels) == 2 and {label.lower() for label in labels} <= {*BOOLS, "0.0", "1.0"}:
            return {name: pc.equal(column, 1)}
        return {label: pc.equal(column, number) for number, label in enumerate(labels)}
    cells = pc.utf8_trim_whitespace(to_strings(column))
    known = [cell for cell in pc.unique(cells).to_pylist() if cell and clean_cell(cell) is not None]
    is_class = name.strip().lower() in CLASS_COLUMNS and column.type != "bool"
    is_class = is_class or (name.strip().lower() in WORD_COLUMNS and _are_words(known))
    if not is_class and (classes is None or parse_attribute(column, MIN_BOOL_SHARE) is not None):
        return {}
    are_numbers = all(_is_number(cell) for cell in known)
    if len(known) > MAX_CLASSES or not (are_numbers or is_class):
        return {}
    known.sort(key=lambda cell: (float(cell) if are_numbers else 0, cell))
    cells = pc.if_else(pc.is_in(cells, pa.array(known, pa.string())), cells, None)
    return {
        f"{name.strip()}_{cell}" if are_numbers or len(cell) == 1 else cell: pc.equal(cells, cell) for cell in known
    }


def _are_words(cells: list[str]) -> bool:
    """Return whether cells are words that name classes, not numbers or yes and no."""
    words = {clean_cell(cell) for cell in cells}
    return (
        bool(words)
        and not any(map(_is_number, cells))
        and (words <= {"f", "m"} or words.isdisjoint(set(BOOLS) - {"f"}))
    )


def _parse_probabilities(column: Any) -> "pa.Array | None":
    """Return which numbers from 0 to 1 are at least a half; None for a column of anything else."""
    import pyarrow as pa

    cells, indices = _distinct_cells(column)
    numbers = [None if cell is None else float(cell) if _is_number(cell) else -1.0 for cell in cells]
    if not all(number is None or 0 <= number <= 1 for number in numbers) or numbers.count(None) == len(numbers):
        return None
    return pa.array([None if number is None else number >= 0.5 for number in numbers], pa.bool_()).take(indices)


def _odd_cells(column: Any) -> dict[str, int]:
    """Return how often each cell occurs, as it is written, that is neither missing nor true or false."""
    cells, indices = _distinct_cells(column)
    return {
        text: count
        for text, cell, count in zip(
            _encode(column).dictionary.to_pylist(), cells, _counts(cells, indices), strict=True
        )
        if cell is not None and cell not in BOOLS
    }


def _reason(odd: dict[str, int], column: Any) -> str:
    """Return why a column is no attribute, to be added to its name."""
    if odd:
        return f" ({sum(odd.values()):,} cells like {next(iter(odd))!r})"
    return " (-1, 0 and 1)" if any(cell is not None for cell in _distinct_cells(column)[0]) else " (no values)"


def _counts(cells: list[str | None], indices: Any) -> list[int]:
    return [int(count) for count in np.bincount(indices.drop_null().to_numpy(), minlength=len(cells))]


def _distinct_cells(column: Any) -> tuple[list[str | None], Any]:
    """Return the distinct cells of a column as cleaned text, None if missing, and each row's index into them."""
    encoded = _encode(column)
    return [clean_cell(cell) for cell in encoded.dictionary.to_pylist()], encoded.indices


def _encode(column: Any) -> "pa.DictionaryArray":
    import pyarrow as pa

    column = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    return to_strings(column).dictionary_encode()


def clean_cell(cell: str) -> str | None:
    """Return a cell in lower case, without quotes around it, and whole numbers without decimals.

    pandas writes 1.0, and NumPy 1.0e+00.
    """
    text = cell.strip().strip("'\"").strip().lower().replace("\u2212", "-")
    text = re.sub(r"^\+?(-?\d+)(?:[.,]0*)?(?:e\+?0+)?$", r"\1", text)
    return None if text in MISSING_CELLS else text


def _is_number(cell: str) -> bool:
    return re.fullmatch(r"-?\d*[.,]?\d+(e[+-]?\d+)?", cell) is not None
