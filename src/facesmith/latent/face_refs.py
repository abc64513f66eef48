"""Faces as arguments: a photo, a seed or saved latents, wherever a command takes a face.

seed:7           face 0 of seed 7
seed:7:3         face 3 of seed 7
latents.npz      every latent in a file that encode or reconstruct wrote
latents.npz:5    number 5 in it, counted from 0
holiday.jpg      the face in a photo, found, aligned, cut and encoded
"""

import re
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from facesmith.errors import FacesmithError
from facesmith.files import refuse_existing, replacing
from facesmith.models.model import Model
from facesmith.progress import progress

SAVED = ".npz"
BLOCK = 64  # pictures encoded between two steps of the bar

Picture = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Subject:
    """A face with its latent ``z`` (latent_size + detail_size, see `Model.encode`); a generated face has detail 0.

    ``picture`` (H x W x 3, uint8) is what was encoded, where one was.
    """

    name: str
    z: NDArray[np.float32]
    picture: Picture | None = None


# What stands for faces: one of the texts above, a photo as its path, bytes or pixels, or a subject as it is.
Source = str | Path | bytes | Picture | Subject


def subjects(
    model: Model,
    sources: Sequence[Source],
    *,
    face: str = "largest",
    aligned: bool = False,
    refine: int = 0,
    quiet: bool = False,
) -> list[Subject]:
    """The faces that ``sources`` stand for, in their order; a photo or a file of latents may be several.

    ``face`` says which faces of a photo: "largest", "all", or "0", "1", ... from the left. ``aligned`` takes photos as
    they are, aligned like the model's dataset. ``refine`` is how many steps of search bring the latents of photos
    nearer to them (it needs torch). All photos are encoded together. Raises `FacesmithError` for what is no face, a
    photo without one, latents of another model, and photos where the model has no encoder.
    """
    if not sources:
        raise FacesmithError("no face was named: give photos, seed:7, seed:7:3, latents.npz or latents.npz:5")
    found: list[Subject | tuple[str, Picture]] = []
    with progress(len(sources), "photos", shown=not quiet and len(sources) > 8) as bar:
        for source in sources:
            found += _found(model, source, face, aligned)
            bar.update()
    pictures = [one[1] for one in found if isinstance(one, tuple)]
    if refine < 0:
        raise FacesmithError(f"refine is {refine}: it cannot be negative")
    z = encoded(model, pictures, quiet=quiet)
    if refine and pictures:
        from facesmith.latent.refine import refine as search

        z = search(model, np.stack(pictures), z, refine, quiet=quiet)
    latents = iter(z)
    return [one if isinstance(one, Subject) else Subject(one[0], next(latents), one[1]) for one in found]


def encoded(model: Model, pictures: Sequence[Picture] | Picture, *, quiet: bool = False) -> NDArray[np.float32]:
    """`Model.encode` of many pictures, a few at a time with a bar: N x (latent_size + detail_size)."""
    found = []
    with progress(len(pictures), "encoding", shown=not quiet and len(pictures) > BLOCK) as bar:
        for start in range(0, len(pictures), BLOCK):
            found.append(model.encode(np.stack(list(pictures[start : start + BLOCK]))))
            bar.update(len(found[-1]))
    return np.concatenate(found) if found else np.zeros((0, model.latent_size + model.detail_size), np.float32)


def check_latents(path: Path) -> None:
    """Refuse a name that latents cannot be written to, before the work is done."""
    refuse_existing(path, "latents")
    if path.suffix.lower() != SAVED:
        raise FacesmithError(f"{path} is no name for latents: let it end in .npz")


def save_latents(path: Path, names: Sequence[str], z: NDArray[np.float32]) -> None:
    """Write latents ``z`` (N x latent_size, or with detail) and their names into an .npz file that `subjects` reads."""
    with replacing(path) as beside:
        np.savez_compressed(beside, z=z, names=np.array(names))  # compressed, for many a detail is zero


def _found(model: Model, source: Source, face: str, aligned: bool) -> list[Subject | tuple[str, Picture]]:
    """The faces one source stands for: subjects, or names and pictures that are yet to be encoded."""
    if isinstance(source, Subject):
        return [source]
    if isinstance(source, str):
        if source.lower().startswith("seed:") and not Path(source).exists():
            return [_of_seed(model, source)]
        file, _, row = source.rpartition(":")
        if file.lower().endswith(SAVED) and not Path(source).exists():
            return _saved(model, Path(file), row)
    if isinstance(source, str | Path):
        if Path(source).suffix.lower() == SAVED:
            return _saved(model, Path(source), None)
        if not Path(source).exists():
            raise FacesmithError(
                f"{source} does not exist: give a photo, latents.npz, latents.npz:5, seed:7 or seed:7:3"
            )
    if "encoder" not in model.card:
        model.encode(np.zeros((0, *model.size[::-1], 3), np.uint8))  # says so before any face is looked for
    from facesmith.images.crop_faces import cut_faces as cut

    name = Path(source).name if isinstance(source, str | Path) else "photo"
    cuts = cut(source, model.card["dataset"], faces=face, aligned=aligned)
    names = [name] if len(cuts) == 1 else [f"{name} {number}" for number in range(len(cuts))]
    return [(name, one.picture) for name, one in zip(names, cuts, strict=True)]


def _of_seed(model: Model, text: str) -> Subject:
    said = re.fullmatch(r"seed:(\d{1,18})(?::(\d{1,9}))?", text, re.IGNORECASE)
    if said is None:
        raise FacesmithError(f"{text} is no face of a seed: write seed:7, or seed:7:3 for face 3 of seed 7")
    seed, index = int(said[1]), int(said[2] or 0)
    return Subject(text.lower(), _whole(model, model.latents(1, seed, start=index))[0])


def _saved(model: Model, path: Path, row: str | None) -> list[Subject | tuple[str, Picture]]:
    if not path.is_file():
        raise FacesmithError(f"{path} does not exist: facesmith encode makes a file of latents")
    try:
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            latents = np.asarray(file["z"], np.float32)
            names = [str(name) for name in file["names"]] if "names" in file else [str(i) for i in range(len(latents))]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, TypeError) as error:
        raise FacesmithError(
            f"{path} cannot be read as latents ({error}): facesmith encode makes such a file"
        ) from None
    sizes = (model.latent_size, model.latent_size + model.detail_size)
    if latents.ndim != 2 or latents.shape[1] not in sizes or len(names) != len(latents):
        raise FacesmithError(
            f"{path} holds latents of shape {latents.shape} and {model.name} takes (N, {sizes[-1]}): "
            "encode the photos with this model"
        )
    if not np.isfinite(latents).all():
        raise FacesmithError(f"{path} holds numbers that are not finite: encode the photos again")
    rows = list(range(len(latents)))
    if row is not None:
        if not row.isdecimal() or int(row) >= len(rows):
            raise FacesmithError(f"{path} has latents 0 to {len(rows) - 1}, and none with the number {row!r}")
        rows = [int(row)]
    return [Subject(names[i], z) for i, z in zip(rows, _whole(model, latents[rows]), strict=True)]


def _whole(model: Model, latents: NDArray[np.float32]) -> NDArray[np.float32]:
    """The latents with a detail of zeros where they have none."""
    missing = model.latent_size + model.detail_size - latents.shape[1]
    return np.pad(latents, ((0, 0), (0, missing)))
