"""A makeover and photos → the faces in them made over: one by one, before beside after, and back in their photos."""

import math
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from facesmith.data.metadata import printable
from facesmith.data.sources.file_listing import FileHandle, list_files
from facesmith.errors import FacesmithError
from facesmith.extras import require
from facesmith.files import atomic_folder, refuse_existing, write_json
from facesmith.images.blend import blend_face
from facesmith.images.decode import FORMATS, read_photo
from facesmith.images.face_crop import FaceCrop, crop_faces
from facesmith.images.grid import make_grid, save_image
from facesmith.latent.face_grids import enlargement
from facesmith.models.loader import load_makeover
from facesmith.models.makeover import Makeover
from facesmith.progress import progress
from facesmith.tasks.makeover.film import check_film, morph

FORMAT, VERSION = "facesmith-made-over", 1
SHEET, CARD, WHOLE = "sheet.png", "makeover.json", "whole"
BLOCK = 32  # photos whose faces are made over together, and are in memory at once
MOST_STEPS = 32
SHOWN = 512  # pictures of the sheet: of more it would be one that few programs open

Pictures = NDArray[np.uint8]


def make_over(
    makeover: str | Path | Makeover,
    photos: Sequence[str | Path],
    out: str | Path,
    *,
    direction: str | None = None,
    strength: float = 1.0,
    steps: int = 2,
    whole: bool = False,
    video: str | Path | None = None,
    face: str = "largest",
    aligned: bool = False,
    quiet: bool = False,
) -> dict[str, Any]:
    """Make over the faces in ``photos`` into the new folder ``out``; returns its makeover.json.

    Of ``photos`` each is a picture, or a folder of pictures with all folders below it. ``face`` says which faces of a
    photo: "largest", "all", or "0", "1", ... from the left; ``aligned`` takes photos as they are, aligned like the
    makeover's dataset. ``direction`` and ``strength`` are those of `Makeover.apply`.

    For a photo NAME.jpg: NAME.png, its face after, or NAME_0.png, NAME_1.png, ... where several are taken. sheet.png
    has the faces in ``steps`` even steps from as they were to ``strength``, 2 being before and after; it stops at 512
    pictures. With ``whole``, whole/NAME.png is the upright photo with its faces blended back. ``video`` is a film there
    and back, .mp4 or .gif, of the first 16 faces. makeover.json says what was made of what, and where in its photo each
    face is; a photo without such a face, or that cannot be read, is named there under ``without`` with the reason.

    Raises `FacesmithError` where that is so of all photos, for a direction, strength or number of steps that is not
    there, and for names that are taken.
    """
    _refuse(Path(out), steps, whole, None if video is None else Path(video))
    source = makeover if isinstance(makeover, Makeover) else load_makeover(makeover, quiet=quiet)
    chosen = source.directions[source.direction_index(direction)]["name"]
    source.apply(np.zeros((0, *source.size[::-1], 3), np.uint8), chosen, strength)  # says what is wrong with strength
    paths = _listed(photos)
    faces: list[dict[str, Any]] = []
    without: list[dict[str, str]] = []
    shown: list[Pictures] = []
    taken = {Path(SHEET).stem}
    with (
        atomic_folder(Path(out), "faces made over") as folder,
        progress(len(paths), "making over", "photos", shown=not quiet and len(paths) > 1) as bar,
    ):
        for start in range(0, len(paths), BLOCK):
            found: list[tuple[Path, list[FaceCrop]]] = []
            for path in paths[start : start + BLOCK]:
                try:
                    found.append((path, crop_faces(path, source.card["dataset"], faces=face, aligned=aligned)))
                except FacesmithError as error:
                    if len(paths) == 1 or "pip install" in str(error):
                        raise
                    without.append({"photo": printable(str(path)), "reason": printable(str(error))})
                finally:
                    bar.update()
            if found:
                before = np.stack([cut.image for _, cuts in found for cut in cuts])
                after = source.apply(before, chosen, strength)
                made = iter(after)
                for path, cuts in found:
                    faces += _written(path, cuts, [next(made) for _ in cuts], folder, taken, whole)
                shown += list(before[: SHOWN // steps - len(shown)])
        if not faces:
            raise FacesmithError(f"none of the {len(paths)} photos can be made over: {without[0]['reason']}")
        names = [entry["file"] for entry in faces[: len(shown)]]
        save_image(_sheet(source, np.stack(shown), names, chosen, np.linspace(0, strength, steps)), folder / SHEET)
        said = {
            "format": FORMAT,
            "version": VERSION,
            "model": source.digest,
            "direction": chosen,
            "strength": strength,
            "faces": faces,
            "without": without,
        }
        write_json(folder / CARD, said)
    if video is not None:  # last, for it may be meant to lie in the new folder
        morph(source, np.stack(shown), Path(video), direction=chosen, strength=strength, quiet=quiet)
    return said


def _refuse(out: Path, steps: int, whole: bool, video: Path | None) -> None:
    """Raise `FacesmithError` for what would fail after the work."""
    refuse_existing(out, "faces made over")
    if not 2 <= steps <= MOST_STEPS:
        raise FacesmithError(f"{steps} steps make no sheet: ask for 2 (before and after) to {MOST_STEPS}")
    if whole:
        require("cv2", "photos", "putting faces back into photos")
    if video is not None:
        check_film(video)


def _listed(photos: Sequence[str | Path]) -> list[Path]:
    """The photos that were named, and in the place of a folder the pictures in it and below it, sorted by name."""
    paths: list[Path] = []
    for photo in map(Path, photos):
        if not photo.is_dir():
            paths.append(photo)
            continue
        listing = list_files(photo)
        inside = [photo / name for name in listing.image_files() if isinstance(listing.entries[name], FileHandle)]
        if not inside:
            raise FacesmithError(f"{photo} holds no picture: JPEG, PNG, WebP, BMP, GIF and TIFF files are read")
        paths += inside
    if not paths:
        raise FacesmithError("no photo was named: give photos, or folders of photos")
    return paths


def _written(
    path: Path, cuts: list[FaceCrop], made: list[Pictures], folder: Path, taken: set[str], whole: bool
) -> list[dict[str, Any]]:
    """Write the faces of one photo, and all of it where that is wanted; returns what makeover.json says of each."""
    stem = _free(printable(path.stem), taken)
    stems = [stem] if len(cuts) == 1 else [_free(f"{stem}_{number}", taken) for number in range(len(cuts))]
    entries = []
    for name, cut, picture in zip(stems, cuts, made, strict=True):
        Image.fromarray(picture).save(folder / f"{name}.png")
        entry = {
            "file": f"{name}.png",
            "photo": printable(str(path)),
            "box": None if cut.face is None else [round(side, 1) for side in cut.face.box],
            "transform": cut.transform.round(6).tolist(),
        }
        entries.append(entry | ({"whole": f"{WHOLE}/{stem}.png"} if whole else {}))
    if whole:
        photo = read_photo(path)
        for cut, picture in zip(cuts, made, strict=True):
            photo = blend_face(photo, cut, picture)
        (folder / WHOLE).mkdir(exist_ok=True)
        Image.fromarray(photo).save(folder / WHOLE / f"{stem}.png", icc_profile=_profile(path))
    return entries


def _profile(path: Path) -> bytes | None:
    """A photo's colour profile, without which its colours look paler or richer; None where they were converted."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the photo has been read: a warning about it is no news
        with Image.open(path, formats=FORMATS) as image:
            return image.info.get("icc_profile") if image.mode in ("RGB", "RGBA") else None


def _free(stem: str, taken: set[str]) -> str:
    """A name for a file that no other has, wherever capitals make no difference too."""
    while stem.lower() in taken:
        stem += "_"
    taken.add(stem.lower())
    return stem


def _sheet(
    makeover: Makeover, before: Pictures, names: list[str], direction: str, strengths: NDArray[np.float64]
) -> Image.Image:
    """Every face in all strengths, in a row with its name below; the first strength is 0, as it was."""
    series = [makeover.apply(before, direction, float(strength)) for strength in strengths[1:]]
    rows = np.concatenate([before, *series], axis=2)
    _, height, width, _ = rows.shape
    columns = max(1, round(math.sqrt(len(rows) * height / width)))
    return make_grid(rows, columns, labels=names, gap=6, scale=enlargement(height))
