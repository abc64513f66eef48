"""Edit faces: write every face with every edit, and a table of them all."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from facesmith.arrays import Images
from facesmith.errors import FacesmithError
from facesmith.files import atomic_folder, refuse_existing, write_json
from facesmith.images.grid import save_image
from facesmith.latent.edit_parser import describe_edit, parse_edit, read_edits
from facesmith.latent.face_grids import make_table
from facesmith.latent.faces import FaceLatent, FaceSource, generate_images, load_faces
from facesmith.latent.latents_file import save_latents
from facesmith.models.directions import DEFAULT_KIND, Directions
from facesmith.models.model import Model, as_model

MAX_TABLE_FACES = 10_000  # a larger image opens in few programs
SHEET, EDITS, LATENTS = "sheet.png", "edits.json", "latents.npz"


def edit(
    model: str | Path | Model,
    faces: Sequence[FaceSource],
    out: str | Path,
    *,
    edits: Sequence[Mapping[str, float] | str] = (),
    csv: str | Path | None = None,
    kind: str = DEFAULT_KIND,
    face: str = "largest",
    aligned: bool = False,
    refine: int = 0,
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
    refuse_existing(Path(out), "edited faces")
    rows = _parse_edits(source.directions, edits, csv)
    columns = load_faces(source, faces, face=face, aligned=aligned, refine=refine, quiet=quiet)
    if (len(rows) + 2) * len(columns) > MAX_TABLE_FACES:
        raise FacesmithError(f"{len(rows)} edits of {len(columns):,} faces are too many for a table: use fewer faces")
    z = np.stack([column.z for column in columns])
    latents = np.stack([source.directions.apply(z, row, kind) for row in rows])
    images = generate_images(source, latents.reshape(-1, latents.shape[-1]), quiet=quiet)
    images = images.reshape(*latents.shape[:2], *images.shape[1:])
    with atomic_folder(Path(out), "edited faces") as folder:
        entries, names = [], []
        for number, row in enumerate(rows):
            for column, original in enumerate(columns):
                file = f"{number:03d}-{column:03d}.png"
                Image.fromarray(images[number, column]).save(folder / file)
                entries.append({"file": file, "face": original.name, "edit": row})
                names.append(f"{original.name} {describe_edit(row)}")
        save_latents(folder / LATENTS, names, latents.reshape(len(entries), -1))
        save_image(_make_sheet(rows, columns, images), folder / SHEET)
        write_json(folder / EDITS, {"model": source.digest, "kind": kind, "faces": entries})
    return Path(out)


def _parse_edits(
    directions: Directions, edits: Sequence[Mapping[str, float] | str], csv: str | Path | None
) -> list[dict[str, float]]:
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
        raise FacesmithError("no edit was named: give one such as Smiling=+1, or a table of edits")
    return [{}] + [row for row in rows if row]


def _make_sheet(rows: Sequence[Mapping[str, float]], faces: Sequence[FaceLatent], images: Images) -> Image.Image:
    labels = [describe_edit(row, "\n") for row in rows]
    if any(face.image is not None for face in faces):
        # In the row of photos, faces without a photo are shown unedited.
        pairs = zip(faces, images[0], strict=True)
        photos = [unedited if face.image is None else face.image for face, unedited in pairs]
        images, labels = np.concatenate([np.stack(photos)[None], images]), ["photo", *labels]
    return make_table(images, labels, [face.name for face in faces])
