"""Aligned faces found in ordinary photos: a source with a row for each face."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from facesmith.arrays import Integers
from facesmith.data.decode_pool import map_handles
from facesmith.data.source import Handle, Source, attribute_names
from facesmith.errors import FacesmithError, ImageError
from facesmith.extras import require
from facesmith.images.align import CELEBA_FRAME, HEIGHT, WIDTH
from facesmith.images.crop import CropSpec
from facesmith.images.decode import decode_full_size, read_marks
from facesmith.images.face_crop import crop_face, is_too_small
from facesmith.images.faces import DETECTOR, SHA256, Face, detector_path, find_faces, sort_left_to_right
from facesmith.images.provenance import Marks
from facesmith.progress import progress

if TYPE_CHECKING:
    import pyarrow as pa

ALIGNMENT = {"frame": CELEBA_FRAME, "detector": DETECTOR, "weights": SHA256}  # in the card of an aligned dataset


@dataclass(frozen=True, slots=True)
class AlignedFace:
    """One face of a photo, aligned and cropped when it is opened."""

    photo: Handle
    face: Face
    spec: CropSpec

    def open(self) -> np.ndarray:
        _limit_opencv_threads()
        return crop_face(_read_photo(self.photo)[0], self.face, self.spec).image


def _check_alignment(source: Source, spec: CropSpec) -> None:
    """Raise `FacesmithError` for a source that cannot be aligned, and for a crop that is larger than CelebA's frame."""
    if source.aligned:
        raise FacesmithError(f"the images of {source.name} are already aligned: omit --align")
    if source.kind == "hub":
        raise FacesmithError("datasets from the hub cannot be aligned: save their images as files and import those")
    try:
        spec.box(WIDTH, HEIGHT)
    except ImageError:
        raise FacesmithError(
            f"invalid crop {spec.crop!r}: expected fit, or a part of the {WIDTH}x{HEIGHT} pixels of an aligned "
            "face, for example center:178"
        ) from None
    require("cv2", "photos", "aligning faces")
    detector_path()


def aligned_source(source: Source, rows: Integers, spec: CropSpec, workers: int, quiet: bool) -> Source:
    """Find every face in the photos of ``rows`` and return a source with a row for each face, from left to right.

    The columns ``face_index`` (from the left), ``face_x``, ``face_y``, ``face_width``, ``face_height`` (the box in
    pixels of the upright photo) and ``face_score`` locate each face. A photo's attributes and identity apply to its
    largest face, and are unknown for the others. Raises `FacesmithError` for a source that cannot be aligned.
    """
    _check_alignment(source, spec)
    names = source.table["file"]
    skipped: list[dict[str, str]] = []
    photos: list[int] = []  # the row of each face's photo
    numbers: list[int] = []
    largest: list[bool] = []
    faces: list[np.ndarray] = []
    marks: list[Marks | None] = []
    with (
        map_handles(_find_in_photo, source.handles(rows), workers) as results,
        progress(len(rows), "finding faces", "photos", shown=not quiet) as bar,
    ):
        for row, (in_photo, reason, photo_marks) in zip(rows, results, strict=True):
            file = names[int(row)].as_py()
            if reason is not None:
                skipped.append({"file": file, "reason": reason})
            for number, face in enumerate(sort_left_to_right(in_photo)):
                if is_too_small(face, spec):
                    text = f"face {number} is too small (eyes {face.eye_distance:.0f} pixels apart)"
                    skipped.append({"file": file, "reason": text})
                else:
                    photos.append(int(row))
                    numbers.append(number)
                    largest.append(face is in_photo[0])
                    faces.append(_to_row(face))
                    marks.append(photo_marks)
            bar.update()
    if not faces:
        raise FacesmithError(
            f"{source.name} contains no photos with usable faces: check the photos, for example {skipped[0]['file']} "
            f"({skipped[0]['reason']})"
        )
    face_rows = np.stack(faces)

    def handles(face_indices: np.ndarray) -> Iterator[Handle]:
        opened = source.handles(np.asarray(photos)[face_indices])
        return (
            AlignedFace(photo, _from_row(face_rows[row]), spec) for photo, row in zip(opened, face_indices, strict=True)
        )

    table = _face_table(source, photos, numbers, np.array(largest), face_rows)
    return replace(source, table=table, handles=handles, skipped=skipped, marks=marks)


def _face_table(
    source: Source, photos: list[int], numbers: list[int], largest: np.ndarray, face_rows: np.ndarray
) -> "pa.Table":
    """Return the photos' table with a row for each face."""
    import pyarrow as pa
    import pyarrow.compute as pc

    table = source.table.take(pa.array(photos)).combine_chunks()
    personal = [name for name in ("identity", *attribute_names(table)) if name in table.column_names]
    columns = {name: table[name] for name in table.column_names if name not in personal}
    labels = {name: pc.if_else(pa.array(largest), table[name], None) for name in personal}
    identity = {"identity": labels.pop("identity")} if "identity" in labels else {}
    boxes = {f"face_{name}": pa.array(face_rows[:, i]) for i, name in enumerate(("x", "y", "width", "height"))}
    where = {"face_index": pa.array(numbers, pa.int64()), **boxes, "face_score": pa.array(face_rows[:, 14])}
    return pa.table({**columns, **identity, **where, **labels})


def _find_in_photo(photo: Handle) -> tuple[list[Face], str | None, Marks | None]:
    """Return the faces of a photo, the largest first, the reason if there are none, and its marks; runs in a worker."""
    _limit_opencv_threads()
    try:
        pixels, marks = _read_photo(photo)
        faces = find_faces(pixels)
    except ImageError as error:
        return [], str(error), None
    return faces, None if faces else "no face was found", marks


@lru_cache(maxsize=1)
def _read_photo(photo: Handle) -> tuple[np.ndarray, Marks | None]:
    """Decode a photo; the last one is cached, because the faces of a group are cropped one after the other."""
    opened = photo.open()
    return (opened, None) if isinstance(opened, np.ndarray) else (decode_full_size(opened), read_marks(opened))


def _limit_opencv_threads() -> None:
    """Keep OpenCV from starting threads in a worker. With 1 instead of 0, a forked OpenCV waits for threads forever."""
    require("cv2", "photos", "aligning faces").setNumThreads(0)


def _to_row(face: Face) -> np.ndarray:
    return np.array([*face.box, *face.landmarks.ravel(), face.score], np.float32)


def _from_row(row: np.ndarray) -> Face:
    left, top, width, height = (float(side) for side in row[:4])
    return Face((left, top, width, height), row[4:14].reshape(5, 2), float(row[14]))
