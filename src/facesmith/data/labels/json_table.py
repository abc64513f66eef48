"""Label tables in JSON, read into a table of strings."""

import json
from typing import TYPE_CHECKING, Any

from facesmith.errors import FacesmithError

if TYPE_CHECKING:
    import pyarrow as pa

FILE_COLUMNS = (
    "file", "filename", "file_name", "image_id", "path", "file_path", "filepath", "image", "image_path",
    "image_name", "image_file", "img", "img_path", "img_name", "photo", "picture",
)  # fmt: skip


def read_json_table(text: str, name: str) -> "pa.Table":
    """Parse JSON Lines, an array of objects, pandas' columns, StyleGAN's dataset.json, COCO, or a label per file."""
    import pyarrow as pa

    try:
        value = json.loads(text)
    except ValueError as error:
        lines = [line for line in text.splitlines() if line.strip()]
        if not _is_json(lines[0]):
            raise error from None  # which has the place of the mistake
        value = [json.loads(line) for line in lines]
    if isinstance(value, dict) and any(str(key).lower() in FILE_COLUMNS for key in value):
        value = _rows(value) if all(isinstance(cells, (dict, list)) for cells in value.values()) else [value]
    elif isinstance(value, dict) and isinstance(value.get("images"), list) and "annotations" in value:
        value = _coco_records(value)
    elif isinstance(value, dict):
        value = next((value[key] for key in ("labels", "faces") if isinstance(value.get(key), (list, dict))), value)
    rows = list(value.items()) if isinstance(value, dict) else value
    records = [_expand(row) if isinstance(row, dict) else _labelled_file(row) for row in rows]
    columns = list(dict.fromkeys(str(column) for record in records for column in record))
    if not records:
        raise FacesmithError(f"{name} has no rows: add one per image")
    return pa.table({column: pa.array([_json_cell(r.get(column)) for r in records], pa.string()) for column in columns})


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _coco_records(value: dict[str, Any]) -> list[dict[str, Any]]:
    """Return a record for each image of a COCO file: whether it has an annotation of each category."""
    try:
        categories = {category["id"]: category["name"] for category in value.get("categories") or []}
        present = {(entry["image_id"], entry.get("category_id")) for entry in value["annotations"]}
        return [
            {
                "file": image["file_name"],
                **{name: (image["id"], number) in present for number, name in categories.items()},
            }
            for image in value["images"]
        ]
    except (KeyError, TypeError, AttributeError):
        raise ValueError("it is not a complete COCO file") from None


def _rows(columns: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the rows of columns, each of which is a list or has a number for each row, as pandas writes them."""
    cells = {name: list(column.values() if isinstance(column, dict) else column) for name, column in columns.items()}
    return [dict(zip(cells, row, strict=True)) for row in zip(*cells.values(), strict=True)]


def _expand(record: dict[str, Any]) -> dict[str, Any]:
    """Return a record with a column for each attribute in its object ``attributes``, or in a list of ``with``.

    `facesmith generate --with` writes such a list.
    """
    if isinstance(nested := record.get("attributes"), dict):
        record = {**{name: value for name, value in record.items() if name != "attributes"}, **nested}
    attributes = record.get("with")
    if not isinstance(attributes, list):
        return record
    others = {name: value for name, value in record.items() if name != "with"}
    requested = {str(name).removeprefix("~"): not str(name).startswith("~") for name in attributes}
    return requested | others  # a column of the attribute has its label


def _labelled_file(row: Any) -> dict[str, Any]:
    """Return the record of a pair of a file and its label: a number, a list of numbers, or an object."""
    if not isinstance(row, (list, tuple)) or len(row) != 2 or not isinstance(row[0], str):
        raise ValueError("its rows are neither objects nor pairs of a file name and a label")
    file, label = row
    if isinstance(label, dict):
        return {"file": file, **label}
    if isinstance(label, list):
        return {"file": file, **{f"label_{number}": value for number, value in enumerate(label)}}
    return {"file": file, "label": label}


def _json_cell(value: Any) -> str | None:
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, (str, int, float)) else None
