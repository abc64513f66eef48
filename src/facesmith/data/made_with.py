"""The models that made images of a dataset, by the marks in the images, and the terms of use that follow."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from facesmith.data.source import MADE_WITH, Source, attribute_names
from facesmith.images.provenance import EDITED, GENERATED, Marks
from facesmith.terms import SOURCE_TERMS, combine_terms

if TYPE_CHECKING:
    import pyarrow as pa


def add_provenance(
    table: "pa.Table", marks: Sequence[Marks | None], source: Source
) -> "tuple[pa.Table, dict[str, Any]]":
    """Return the metadata of images with a column `MADE_WITH`, and the entries terms and made_with of their card.

    ``marks`` are those of each row. made_with lists every model that made or changed images, with its digest, its
    terms, the digital source type and the number of images. Without such images, the table gets no column.
    """
    import pyarrow as pa

    synthetic = [each if each and each.source_type in (GENERATED, EDITED) else None for each in marks]
    numbers: dict[tuple[str, ...], int] = {}
    counts: list[int] = []
    rows: list[int | None] = []
    for each in synthetic:
        if each is None:
            rows.append(None)
            continue
        key = (each.model or each.tool, each.digest, each.terms or _unstated(each), each.source_type)
        row = numbers.setdefault(key, len(numbers))
        counts += [0] * (row == len(counts))
        counts[row] += 1
        rows.append(row)
    entries = [
        dict(zip(("model", "digest", "terms", "source_type", "count"), (*key, count), strict=True))
        for key, count in zip(numbers, counts, strict=True)
    ]
    stated = [*source.terms, *(str(entry["terms"]) for entry in entries)]
    # A photo has the terms of its kind of source, unless the source states others.
    is_covered = bool(source.terms) or all(each and each.source_type == GENERATED for each in synthetic)
    terms = combine_terms(stated if is_covered else [SOURCE_TERMS[source.kind], *stated])
    if not entries:
        return table, {"terms": terms, "made_with": []}
    position = table.num_columns - len(attribute_names(table))
    table = table.add_column(position, MADE_WITH, pa.array(rows, pa.int64()))
    return table, {"terms": terms, "made_with": entries}


def _unstated(marks: Marks) -> str:
    return f"those of {marks.model or marks.tool or 'its program'}, which are not stated"
