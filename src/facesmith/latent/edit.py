"""Edit faces: write every face with every edit, and a table of them all. Edits are texts or rows of a CSV file."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from facesmith.arrays import Images
from facesmith.errors import FacesmithError
from facesmith.files import atomic_folder, write_json
from facesmith.images.grid import make_table, save_sheet
from facesmith.images.provenance import save_options
from facesmith.latent.faces import FaceLatent, FaceSource, face_marks, generate_images, load_faces
from facesmith.latent.latents_file import save_latents
from facesmith.models.directions import BEST, Directions
from facesmith.models.model import Model, as_model
from facesmith.progress import tell

MAX_TABLE_FACES = 10_000  # a larger image can be opened by few programs
SHEET, EDITS, LATENTS = "sheet.png", "edits.json", "latents.npz"
UNEDITED = "unchanged"

Edit = dict[str, float]


def edit(
    model: str | Path | Model,
    faces: Sequence[FaceSource],
    out: str | Path,
    *,
    edits: Sequence[Mapping[str, float] | str] = (),
    csv: str | Path | None = None,
    kind: str = BEST,
    face: str = "largest",
    aligned: bool = False,
    refine: int | None = None,
    quiet: bool = False,
) -> Path:
    """Write every face with every edit into the new folder ``out``, and return it.

    Args:
        edits: mappings of attributes to strengths, or texts such as "Smiling=-1, Bald=+2"; see `Directions` for the
            unit of strengths.
        csv: a file with one edit per row.
        faces: photos, seeds and latents, read by `load_faces` with ``face``, ``aligned`` and ``refine``.

    sheet.png has a row for each edit and a column for each face, below rows for the photos and the unedited faces.
    002-001.png is face 1 with edit 2; edit 0 is the unedited face. edits.json lists the face and edit of every file,
    latents.npz the latents in the same order. Raises `FacesmithError` for no edit, an unknown attribute, and more than
    10,000 faces.
    """
    source = as_model(model, quiet=quiet)
    with atomic_folder(Path(out), "edited faces") as folder:
        rows = _parse_edits(source.directions, edits, csv)
        columns = load_faces(source, faces, face=face, aligned=aligned, refine=refine, quiet=quiet)
        if (len(rows) + 2) * len(columns) > MAX_TABLE_FACES:
            raise FacesmithError(
                f"a sheet of {len(rows) - 1} x {len(columns):,} edited faces is too large: use fewer edits or faces"
            )
        z = np.stack([column.z for column in columns])
        latents = np.stack([source.directions.apply(z, row, kind) for row in rows])
        reach = np.stack([source.directions.reach(z, row, kind) for row in rows])
        for row, fractions in zip(rows, reach, strict=True):
            if (reduced := fractions < 1).any() and not quiet:
                tell(
                    f"{describe_edit(row)} is reduced to {fractions.min():.0%} for {reduced.sum()} of {len(z)} faces: "
                    f"{source.name} has not learned more extreme faces"
                )
        images = generate_images(source, latents.reshape(-1, latents.shape[-1]), quiet=quiet)
        images = images.reshape(*latents.shape[:2], *images.shape[1:])
        entries, names = [], []
        for number, row in enumerate(rows):
            for column, original in enumerate(columns):
                file = f"{number:03d}-{column:03d}.png"
                options = save_options(face_marks(source, [original]), "PNG")
                Image.fromarray(images[number, column]).save(folder / file, **options)
                entry = {"file": file, "face": original.name, "edit": row}
                entries.append(entry | ({"reach": round(float(reach[number, column]), 3)} if row else {}))
                names.append(f"{original.name} {describe_edit(row)}")
        save_latents(folder / LATENTS, names, latents.reshape(len(entries), -1))
        marks = face_marks(source, columns)
        save_sheet(_make_sheet(rows, columns, images), folder / SHEET, marks)
        write_json(folder / EDITS, {"model": source.digest, "terms": marks.terms, "kind": kind, "faces": entries})
    return Path(out)


def parse_edit(text: str, directions: Directions) -> Edit:
    """Parse a text such as "Smiling=-1, bald=+2"; an empty text changes nothing.

    Raises `FacesmithError` for an attribute without a direction, an invalid strength, and a repeated attribute.
    """
    edit: Edit = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, equals, strength = part.partition("=")
        if not equals:
            raise FacesmithError(f"{part!r} has no strength: write {part}=+1, or {part}=-1 to remove the attribute")
        name = directions.find(name)
        if name in edit:
            raise FacesmithError(f"{name} occurs twice in {text!r}: use it once")
        edit[name] = _parse_strength(strength, f"{part!r}")
    return edit


def read_edits(path: Path, directions: Directions) -> list[Edit]:
    """Read a CSV file whose columns are attributes and whose cells are strengths, empty for no change.

    A row of empty cells leaves faces unedited. Raises `FacesmithError` with the line of an error.
    """
    try:
        lines = list(csv.reader(path.read_text(encoding="utf-8-sig").splitlines()))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise FacesmithError(f"{path} cannot be read as a table of edits ({error}): use a CSV file") from None
    if len(lines) < 2:
        raise FacesmithError(
            f"{path} is not a table of edits: expected a header line of attributes and one line per edit"
        )
    names = [directions.find(name) for name in lines[0]]
    if len(set(names)) < len(names):
        raise FacesmithError(f"{path} has two columns for the same attribute: merge them")
    edits = []
    for number, cells in enumerate(lines[1:], 2):
        if len(cells) > len(names) and any(map(str.strip, cells[len(names) :])):
            raise FacesmithError(
                f"line {number} of {path} has {len(cells)} cells, but there are {len(names)} columns: correct this line"
            )
        filled = {name: cell for name, cell in zip(names, cells, strict=False) if cell.strip()}
        edits.append({name: _parse_strength(cell, f"{path}, line {number}, {name}") for name, cell in filled.items()})
    return edits


def describe_edit(edit: Mapping[str, float], separator: str = ", ") -> str:
    """Return an edit as the label of a face: "Smiling -1, Bald +2"."""
    return separator.join(f"{name} {strength:+g}" for name, strength in edit.items()) or UNEDITED


def _parse_edits(
    directions: Directions, edits: Sequence[Mapping[str, float] | str], csv: str | Path | None
) -> list[Edit]:
    """Return every edit with exact attribute names; the first is empty and leaves faces unedited."""
    rows = [
        parse_edit(edit, directions)
        if isinstance(edit, str)
        else {directions.find(name): float(strength) for name, strength in edit.items()}
        for edit in edits
    ]
    if csv is not None:
        rows += read_edits(Path(csv), directions)
    if not any(rows):
        raise FacesmithError("no edit: pass an edit, for example Smiling=+1, or a table of edits")
    return [{}] + [row for row in rows if row]


def _make_sheet(rows: Sequence[Mapping[str, float]], faces: Sequence[FaceLatent], images: Images) -> Image.Image:
    labels = [describe_edit(row, "\n") for row in rows]
    if any(face.image is not None for face in faces):
        # In the row of photos, faces without a photo are shown unedited.
        pairs = zip(faces, images[0], strict=True)
        photos = [unedited if face.image is None else face.image for face, unedited in pairs]
        images, labels = np.concatenate([np.stack(photos)[None], images]), ["photo", *labels]
    return make_table(images, labels, [face.name for face in faces])


def _parse_strength(text: str, where: str) -> float:
    try:
        return float(text.strip().replace("−", "-"))
    except ValueError:
        raise FacesmithError(
            f"invalid strength {text.strip()!r} in {where}: expected a number, for example +1 or -0.5"
        ) from None
