"""Ordinary photos as a source of aligned faces: one row a face, and who was found where."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from facesmith.data.source import Handle, Source, attribute_names
from facesmith.data.workers import mapped
from facesmith.errors import FacesmithError, ImageError
from facesmith.extras import require
from facesmith.images.align import CELEBA_FRAME, HEIGHT, WIDTH
from facesmith.images.crop import CropSpec
from facesmith.images.decode import decode_full_size
from facesmith.images.detector import DETECTOR, SHA256, detector_path
from facesmith.images.face_crop import crop_face, is_too_small
from facesmith.images.faces import Face, find_faces, sort_left_to_right
from facesmith.progress import progress

if TYPE_CHECKING:
    import pyarrow as pa

ALIGNMENT = {"frame": CELEBA_FRAME, "detector": DETECTOR, "weights": SHA256}  # in the cards of datasets made so
KINDS = {"builtin": "the built-in faces are", "celeba": "CelebA's photos are"}


@dataclass(frozen=True, slots=True)
class AlignedFace:
    """One face of a photo, aligned and cut when it is opened."""

    photo: Handle
    face: Face
    frame: CropSpec

    def open(self) -> np.ndarray:
        _one_thread()
        return crop_face(_photo(self.photo), self.face, self.frame).image


def check_align(kind: str, frame: CropSpec) -> None:
    """Refuse to align what is aligned already, what cannot be, and a crop that CelebA's frame does not hold."""
    if kind in KINDS:
        raise FacesmithError(f"{KINDS[kind]} aligned already: import them without --align")
    if kind == "hub":
        raise FacesmithError("datasets of the hub cannot be aligned: save their pictures as files, and import these")
    try:
        frame.box(WIDTH, HEIGHT)
    except ImageError:
        raise FacesmithError(
            f"crop {frame.crop} is not within the {WIDTH}x{HEIGHT} pixels of an aligned face: choose fit, or center:178"
        ) from None
    require("cv2", "photos", "aligning faces")
    detector_path()


def aligned_source(
    source: Source, rows: np.ndarray, frame: CropSpec, workers: int, quiet: bool
) -> tuple[Source, list[dict[str, str]]]:
    """Find every face in the photos of ``rows``: a source with one row a face, and what is not in it, with reasons.

    A photo's faces come from left to right. The columns ``face_index`` (from the left), ``face_x``, ``face_y``,
    ``face_width``, ``face_height`` (the box in pixels of the upright photo) and ``face_score`` say who was found where.
    What is known of a photo, attributes and identity, is taken to be true of its largest face and unknown of the
    others. Keeps a few numbers a face in memory.
    """
    names = source.table["file"]
    skipped: list[dict[str, str]] = []
    photos: list[int] = []  # for each face the row of its photo
    numbers: list[int] = []
    largest: list[bool] = []
    faces: list[np.ndarray] = []
    with (
        mapped(_faces_in, source.handles(rows), workers) as results,
        progress(len(rows), "finding faces", "photos", shown=not quiet) as bar,
    ):
        for row, (found, reason) in zip(rows, results, strict=True):
            file = names[int(row)].as_py()
            if reason is not None:
                skipped.append({"file": file, "reason": reason})
            for number, face in enumerate(sort_left_to_right(found)):
                if is_too_small(face, frame):
                    why = f"its face {number} is too small (eyes {face.eye_distance:.0f} pixels apart)"
                    skipped.append({"file": file, "reason": why})
                else:
                    photos.append(int(row))
                    numbers.append(number)
                    largest.append(face is found[0])
                    faces.append(_packed(face))
            bar.update()
    if not faces:
        raise FacesmithError(
            f"{source.name} has no photo with a face that can be used: all {len(rows):,} were skipped, the first of "
            f"them {skipped[0]['file']}: {skipped[0]['reason']}"
        )
    packed = np.stack(faces)

    def handles(wanted: np.ndarray) -> Iterator[Handle]:
        opened = source.handles(np.asarray(photos)[wanted])
        return (AlignedFace(photo, _unpacked(packed[row]), frame) for photo, row in zip(opened, wanted, strict=True))

    table = _face_table(source, photos, numbers, np.array(largest), packed)
    return replace(source, table=table, handles=handles), skipped


def _face_table(
    source: Source, photos: list[int], numbers: list[int], largest: np.ndarray, packed: np.ndarray
) -> "pa.Table":
    """The photos' table with one row a face."""
    import pyarrow as pa
    import pyarrow.compute as pc

    table = source.table.take(pa.array(photos)).combine_chunks()
    about_one = [name for name in ("identity", *attribute_names(table)) if name in table.column_names]
    columns = {name: table[name] for name in table.column_names if name not in about_one}
    labels = {name: pc.if_else(pa.array(largest), table[name], None) for name in about_one}
    identity = {"identity": labels.pop("identity")} if "identity" in labels else {}
    boxes = {f"face_{name}": pa.array(packed[:, i]) for i, name in enumerate(("x", "y", "width", "height"))}
    where = {"face_index": pa.array(numbers, pa.int64()), **boxes, "face_score": pa.array(packed[:, 14])}
    return pa.table({**columns, **identity, **where, **labels})


def _faces_in(photo: Handle) -> tuple[list[Face], str | None]:
    """In a worker: the faces of a photo, the largest first, or why there are none."""
    _one_thread()
    try:
        found = find_faces(_photo(photo))
    except ImageError as bad:
        return [], str(bad)
    return found, None if found else "no face was found in it"


@lru_cache(maxsize=1)
def _photo(photo: Handle) -> np.ndarray:
    """The photo last opened is kept: a group's faces are cut one after the other."""
    opened = photo.open()
    return opened if isinstance(opened, np.ndarray) else decode_full_size(opened)


def _one_thread() -> None:
    """There is a worker for each core; and 0 it must be, for with 1 a forked OpenCV waits for its parent's threads."""
    require("cv2", "photos", "aligning faces").setNumThreads(0)


def _packed(face: Face) -> np.ndarray:
    return np.array([*face.box, *face.landmarks.ravel(), face.score], np.float32)


def _unpacked(row: np.ndarray) -> Face:
    left, top, width, height = (float(side) for side in row[:4])
    return Face((left, top, width, height), row[4:14].reshape(5, 2), float(row[14]))
