"""Faces and edits → the edited faces, one by one and as a table of all edits of all faces."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from facesmith.errors import FacesmithError
from facesmith.files import atomic_folder, refuse_existing, write_json
from facesmith.images.grid import save_image
from facesmith.latent.directions import DEFAULT_KIND, Directions
from facesmith.latent.edit_parser import in_words, parse_edit, read_edits
from facesmith.latent.face_grids import table
from facesmith.latent.faces import FaceLatent, FaceSource, load_faces
from facesmith.latent.latents_file import save_latents
from facesmith.models.backends import BLOCK
from facesmith.models.model import Model, load
from facesmith.progress import progress

LARGEST_TABLE = 10_000  # faces in a table; more would make a picture that few programs open
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

    Each of ``edits`` is a mapping of attributes to strengths or a text such as "Smiling=-1, Bald=+2"; ``csv`` is a file
    with a row for each. sheet.png has a row for each edit and a column for each face, after rows for the photos and for
    the faces as they are. 002-001.png is face 1 with edit 2, where edit 0 leaves it as it is; edits.json says which
    face and which edit that is, latents.npz holds their latents in that order. What strength 1 means is said at
    `Directions`. ``faces``, ``face``, ``aligned`` and ``refine`` are those of `load_faces`. Raises `FacesmithError`
    where there is nothing to do, for an unknown attribute and for more than 10,000 faces.
    """
    source = model if isinstance(model, Model) else load(model, quiet=quiet)
    refuse_existing(Path(out), "edited faces")
    rows = _rows(source.directions, edits, csv)
    people = load_faces(source, faces, face=face, aligned=aligned, refine=refine, quiet=quiet)
    if (len(rows) + 2) * len(people) > LARGEST_TABLE:
        raise FacesmithError(f"{len(rows)} edits of {len(people):,} faces are too many for one table: use fewer faces")
    latents = np.stack([source.directions.moved(np.stack([one.z for one in people]), row, kind) for row in rows])
    pictures = generated(source, latents.reshape(-1, latents.shape[-1]), quiet)
    pictures = pictures.reshape(*latents.shape[:2], *pictures.shape[1:])
    with atomic_folder(Path(out), "edited faces") as folder:
        entries, names = [], []
        for number, row in enumerate(rows):
            for column, one in enumerate(people):
                file = f"{number:03d}-{column:03d}.png"
                Image.fromarray(pictures[number, column]).save(folder / file)
                entries.append({"file": file, "face": one.name, "edit": row})
                names.append(f"{one.name} {in_words(row)}")
        save_latents(folder / LATENTS, names, latents.reshape(len(entries), -1))
        save_image(_sheet(rows, people, pictures), folder / SHEET)
        write_json(folder / EDITS, {"model": source.digest, "kind": kind, "faces": entries})
    return Path(out)


def generated(model: Model, latents: NDArray[np.float32], quiet: bool) -> NDArray[np.uint8]:
    """`Model.generate` of many latents with a bar: N x H x W x 3."""
    made = np.empty((len(latents), *model.size[::-1], 3), np.uint8)
    with progress(len(latents), "generating", shown=not quiet and len(latents) > 8 * BLOCK) as bar:
        for start in range(0, len(latents), BLOCK):
            made[start : start + BLOCK] = model.generate(latents[start : start + BLOCK])
            bar.update(len(latents[start : start + BLOCK]))
    return made


def _rows(
    directions: Directions, edits: Sequence[Mapping[str, float] | str], csv: str | Path | None
) -> list[dict[str, float]]:
    """Every edit, names as the directions have them, the faces as they are before all others."""
    rows = [parse_edit(one, directions) if isinstance(one, str) else
            {directions.find(name): float(strength) for name, strength in one.items()} for one in edits]  # fmt: skip
    if csv is not None:
        rows += read_edits(Path(csv), directions)
    if not any(rows):
        raise FacesmithError("no edit was named: say which, such as Smiling=+1, or give a table of edits")
    return [{}] + [row for row in rows if row]


def _sheet(
    rows: Sequence[Mapping[str, float]], people: Sequence[FaceLatent], pictures: NDArray[np.uint8]
) -> Image.Image:
    names = [in_words(row, "\n") for row in rows]
    if any(one.image is not None for one in people):
        # Beside a photo's row the faces without one, of seeds and latents, stand as they are.
        photos = [as_is if one.image is None else one.image for one, as_is in zip(people, pictures[0], strict=True)]
        pictures, names = np.concatenate([np.stack(photos)[None], pictures]), ["photo", *names]
    return table(pictures, names, [one.name for one in people])
