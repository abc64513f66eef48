"""Apply a makeover to the faces of photos: write the faces, a sheet of before and after, and the whole photos."""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from facesmith.arrays import Doubles, Images
from facesmith.errors import FacesmithError, MissingPackageError
from facesmith.extras import require
from facesmith.files import atomic_folder, file_stem, printable, unique_stem, write_json
from facesmith.images.blend import blend_face
from facesmith.images.decode import read_marks, read_photo
from facesmith.images.face_crop import FaceCrop, crop_faces
from facesmith.images.grid import enlargement, make_grid, save_sheet
from facesmith.images.photo_files import expand_photos
from facesmith.images.provenance import Marks, save_options
from facesmith.images.signing import has_manifest
from facesmith.images.video import VIDEO_SUFFIXES, new_series
from facesmith.models.makeover import Makeover, load_makeover
from facesmith.progress import progress, tell
from facesmith.tasks.makeover.film import write_morph

FORMAT, VERSION = "facesmith-made-over", 1
SHEET, CARD, WHOLE = "sheet.png", "makeover.json", "whole"
BLOCK = 32  # photos in memory at once
MAX_STEPS = 32
MAX_SHEET_IMAGES = 512  # a larger sheet can be opened by few programs


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
    """Make over the faces in ``photos`` into the new folder ``out``; return its makeover.json.

    Each of ``photos`` is an image file, or a folder that is searched with all its subfolders. ``face`` selects the
    faces of a photo: "largest", "all", or "0", "1", ... from the left; ``aligned`` skips face detection for photos that
    are aligned like the makeover's dataset. ``direction`` and ``strength`` are those of `Makeover.apply`.

    For a photo NAME.jpg, NAME.png is the face after, or NAME_0.png, NAME_1.png, ... for several faces. sheet.png shows
    the faces in ``steps`` even steps from the original to ``strength`` (2: before and after), up to 512 images. With
    ``whole``, whole/NAME.png is the upright photo with its faces blended back. ``video`` is an .mp4 or .gif of the
    makeover and back, for the first 16 faces. makeover.json lists the faces with their photos and positions; under
    ``without`` it lists each photo that has no such face or cannot be read, with the reason.

    Raises `FacesmithError` if no photo can be used, for an invalid direction, strength or number of steps, and for
    existing outputs.
    """
    _check_arguments(steps, whole)
    source = makeover if isinstance(makeover, Makeover) else load_makeover(makeover, quiet=quiet)
    direction = source.directions[source.direction_index(direction)]["name"]
    source.apply(np.zeros((0, *source.size[::-1], 3), np.uint8), direction, strength)  # raises for an invalid strength
    paths = [Path(photo) for photo in expand_photos(photos)]
    if not paths:
        raise FacesmithError("no photos: pass image files or folders of images")
    faces: list[dict[str, Any]] = []
    skipped: list[dict[str, str]] = []
    sheet_images: list[Images] = []
    marks: list[Marks] = []
    used_names = {Path(SHEET).stem}
    with (
        atomic_folder(Path(out), "makeover results") as folder,
        _new_video(video, Path(out), folder) as file,
        progress(len(paths), "making over", "photos", shown=not quiet and len(paths) > 1) as bar,
    ):
        for start in range(0, len(paths), BLOCK):
            cropped: list[tuple[Path, list[FaceCrop]]] = []
            for path in paths[start : start + BLOCK]:
                try:
                    cropped.append((path, crop_faces(path, source.card["dataset"], faces=face, aligned=aligned)))
                except MissingPackageError:
                    raise
                except FacesmithError as error:
                    if len(paths) == 1:
                        raise
                    skipped.append({"photo": printable(str(path)), "reason": printable(str(error))})
                finally:
                    bar.update()
            if cropped:
                before = np.stack([crop.image for _, crops in cropped for crop in crops])
                after = source.apply(before, direction, strength)
                results = iter(after)
                for path, crops in cropped:
                    if not quiet and has_manifest(path):
                        tell(f"{path} contains a C2PA manifest, which the result does not keep")
                    marks.append(source.edit_marks([read_marks(str(path))]))
                    made = [next(results) for _ in crops]
                    faces += _write_faces(path, crops, made, folder, used_names, whole, marks[-1])
                sheet_images += list(before[: MAX_SHEET_IMAGES // steps - len(sheet_images)])
        if not faces:
            raise FacesmithError(
                f"none of the {len(paths):,} photos can be used; the first error is: {skipped[0]['reason']}"
            )
        all_marks = source.edit_marks(marks)
        names = [entry["file"] for entry in faces[: len(sheet_images)]]
        save_sheet(
            _make_sheet(source, np.stack(sheet_images), names, direction, np.linspace(0, strength, steps)),
            folder / SHEET,
            all_marks,
        )
        card = {
            "format": FORMAT,
            "version": VERSION,
            "model": source.digest,
            "terms": all_marks.terms,
            "direction": direction,
            "strength": strength,
            "faces": faces,
            "without": skipped,
        }
        write_json(folder / CARD, card)
        if file is not None:
            images = np.stack(sheet_images)
            write_morph(source, images, file, all_marks, direction=direction, strength=strength, quiet=quiet)
    return card


def _check_arguments(steps: int, whole: bool) -> None:
    """Raise `FacesmithError` for arguments that would fail later."""
    if not 2 <= steps <= MAX_STEPS:
        raise FacesmithError(f"invalid number of steps {steps}: expected 2 (before and after) to {MAX_STEPS}")
    if whole:
        require("cv2", "photos", "blending faces into photos")


@contextmanager
def _new_video(video: str | Path | None, out: Path, folder: Path) -> Iterator[Path | None]:
    """Yield the file that becomes ``video``, which may be in the folder ``out``, whose files are in ``folder`` now."""
    if video is None:
        yield None
        return
    path, out = Path(video).absolute(), out.absolute()
    if path.is_relative_to(out):
        path = folder / path.relative_to(out)
    with new_series(path, VIDEO_SUFFIXES) as file:
        yield file


def _write_faces(
    path: Path,
    crops: list[FaceCrop],
    results: list[Images],
    folder: Path,
    used_names: set[str],
    whole: bool,
    marks: Marks,
) -> list[dict[str, Any]]:
    """Write the faces of one photo and, with ``whole``, the photo; return the entries of makeover.json."""
    stem = unique_stem(file_stem(path), used_names)
    stems = [stem] if len(crops) == 1 else [unique_stem(f"{stem}_{number}", used_names) for number in range(len(crops))]
    entries = []
    for name, crop, image in zip(stems, crops, results, strict=True):
        Image.fromarray(image).save(folder / f"{name}.png", **save_options(marks, "PNG"))
        entry = {
            "file": f"{name}.png",
            "photo": printable(str(path)),
            "box": None if crop.face is None else [round(side, 1) for side in crop.face.box],
            "transform": crop.transform.round(6).tolist(),
        }
        entries.append(entry | ({"whole": f"{WHOLE}/{stem}.png"} if whole else {}))
    if whole:
        photo = read_photo(path)
        for crop, image in zip(crops, results, strict=True):
            photo = blend_face(photo, crop, image)
        (folder / WHOLE).mkdir(exist_ok=True)
        Image.fromarray(photo).save(folder / WHOLE / f"{stem}.png", **save_options(marks, "PNG"))
    return entries


def _make_sheet(
    makeover: Makeover, before: Images, names: list[str], direction: str, strengths: Doubles
) -> Image.Image:
    """Return a sheet with every face in all strengths, the first of which is 0, above its name."""
    series = [makeover.apply(before, direction, float(strength)) for strength in strengths[1:]]
    rows = np.concatenate([before, *series], axis=2)
    _, height, width, _ = rows.shape
    columns = max(1, round(math.sqrt(len(rows) * height / width)))
    return make_grid(rows, columns, labels=names, gap=6, scale=enlargement(height))
